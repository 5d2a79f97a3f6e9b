#include "cli/table.h"

#include <algorithm>
#include <fmt/format.h>

namespace cli {

namespace {

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::vector<std::string> cut(std::string_view text, char separator) {
    std::vector<std::string> out;
    for (;;) {
        std::size_t end = text.find(separator);
        out.emplace_back(text.substr(0, end));
        if (end == text.npos) return out;
        text.remove_prefix(end + 1);
    }
}

// Docker lets users write \t and \n in --format.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool pair = text[i] == '\\' && i + 1 < text.size();
        if (pair && text[i + 1] == 't')
            out += '\t';
        else if (pair && text[i + 1] == 'n')
            out += '\n';
        else {
            out += text[i];
            continue;
        }
        ++i;
    }
    return out;
}

}  // namespace

std::string align(std::string_view text, std::size_t least) {
    constexpr std::size_t padding = 3;
    std::vector<std::vector<std::string>> lines;
    for (const std::string& line : cut(text, '\n'))
        lines.push_back(cut(line, '\t'));
    std::vector<std::vector<std::size_t>> widths(lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i)
        widths[i].assign(lines[i].size(), 0);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        // The last cell of a line is not ended by a tab and belongs to no column.
        for (std::size_t column = 0; column + 1 < lines[i].size(); ++column) {
            if (widths[i][column] != 0) continue;
            std::size_t width = least;
            std::size_t end = i;
            for (; end < lines.size() && column + 1 < lines[end].size(); ++end) {
                std::size_t own = width_of(lines[end][column]);
                if (own > 0) width = std::max(width, own + padding);
            }
            for (std::size_t k = i; k < end; ++k)
                widths[k][column] = width;
        }
    }
    std::string out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        for (std::size_t column = 0; column < lines[i].size(); ++column) {
            const std::string& cell = lines[i][column];
            out += cell;
            if (column + 1 < lines[i].size()) out.append(widths[i][column] - width_of(cell), ' ');
        }
        if (i + 1 < lines.size()) out += '\n';
    }
    return out;
}

std::string row_json(const codec::Value& row) {
    std::string out;
    for (char c : row.json()) {
        if (c == '<')
            out += "\\u003c";
        else if (c == '>')
            out += "\\u003e";
        else if (c == '&')
            out += "\\u0026";
        else
            out += c;
    }
    return out;
}

Result<codec::Template> template_of(std::string_view format) {
    format.remove_prefix(std::min(format.find_first_not_of(' '), format.size()));
    format = format.substr(0, format.find_last_not_of(' ') + 1);
    return codec::Template::parse(unescape(format));
}

Result<std::string> render(std::string_view format, const codec::Value& head,
                           const std::vector<codec::Value>& rows) {
    constexpr std::string_view word = "table";
    bool table = format.starts_with(word);
    std::string_view body = table ? format.substr(word.size()) : format;
    TRY(codec::Template shape, template_of(format == "json" ? "{{json .}}" : body));
    std::string out;
    if (table) {
        TRY_DO(shape.execute(head, out, codec::Template::Mode::header));
        out += '\n';
    }
    for (codec::Value row : rows) {
        row.with_json(row_json(row));
        TRY_DO(shape.execute(row, out));
        out += '\n';
    }
    return table ? align(out) : out;
}

}  // namespace cli

// Feeds one input whole and in pieces whose size is its first byte: both must tell the same story.
#pragma once

#include "codec/http1.h"

#include <cstdlib>
#include <string>

inline std::string http_story(codec::http1::Side side, std::string_view text, std::size_t piece) {
    using namespace codec::http1;
    Parser parser(side);
    std::string story;
    std::size_t at = 0;
    std::size_t given = 0;
    while (true) {
        auto step = parser.feed(text.substr(at, given - at));
        if (!step) return story + "!";
        at += step->used;
        if (at > given) std::abort();
        switch (step->event) {
        case Parser::Event::head:
            story += parser.head().method + parser.head().target;
            for (const auto& [name, value] : parser.head().headers)
                story += name + ":" + value + "\n";
            break;
        case Parser::Event::body:
            story += step->body;
            break;
        case Parser::Event::end:
            story += "|";
            parser.next();
            break;
        case Parser::Event::more:
            if (at != given) std::abort();
            if (given == text.size()) return story + (parser.finish() ? "." : "?");
            given = std::min(text.size(), given + piece);
        }
    }
}

inline void http_fuzz(codec::http1::Side side, const unsigned char* data, std::size_t size) {
    if (size < 1) return;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string whole = http_story(side, text, text.size() + 1);
    if (whole != http_story(side, text, data[0] % 16 + 1)) std::abort();
}

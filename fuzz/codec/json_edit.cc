// A document with one member set or erased: it stays valid, and nothing else in it changes.
#include "codec/json_edit.h"

#include "codec/gotemplate_value.h"

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

namespace {

void expect(bool fine) {
    if (!fine) std::abort();
}

bool same_but(const codec::Value& a, const codec::Value& b, std::string_view name) {
    for (const codec::Value::Member& member : a.members())
        if (member.name != name && member.value.json() != b[member.name].json()) return false;
    return true;
}

// Which of several members of one name counts is another reader's choice.
bool has_twins(const codec::Value& object) {
    std::set<std::string> names;
    for (const codec::Value::Member& member : object.members())
        if (!names.insert(member.name).second) return true;
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string path[] = {"auths", "host:5000"};
    auto before = codec::parse_value(text);
    auto set = codec::set_json(text, path, R"({"auth":"eA=="})");
    auto erased = codec::erase_json(text, path);
    bool object = before && before->is_object();
    expect(bool(erased) == object);
    if (!set || !object) return 0;
    auto after = codec::parse_value(*set);
    expect(after && after->is_object());
    expect(bool(codec::parse_value(*erased)));
    if (has_twins(*before) || has_twins((*before)["auths"])) return 0;
    expect((*after)["auths"]["host:5000"]["auth"].text() == "eA==");
    expect(same_but(*before, *after, "auths"));
    if ((*before)["auths"].is_object())
        expect(same_but((*before)["auths"], (*after)["auths"], "host:5000"));
    auto without = codec::parse_value(*erased);
    expect(without && (*without)["auths"].find("host:5000") == nullptr);
    expect(same_but(*before, *without, "auths"));
    return 0;
}

// The `filters` parameter of list calls: {"key":{"value":true}}, or as old clients send it,
// {"key":["value"]}.
#pragma once

#include "base/error.h"

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace codec {

class Filters {
public:
    // Empty text is no filter. invalid for what is no such document.
    static Result<Filters> parse(std::string_view text);

    // invalid "invalid filter 'k'" unless every key is one of these.
    Status allow_only(std::initializer_list<std::string_view> keys) const;

    bool has(std::string_view key) const { return !values(key).empty(); }
    const std::vector<std::string>& values(std::string_view key) const;
    // True also when the key is absent.
    bool exact(std::string_view key, std::string_view text) const;
    // The one boolean ("1", "true", "0", "false") of this key; `absent` without it. invalid
    // "invalid filter 'dangling=[x]'" else.
    Result<bool> boolean(std::string_view key, bool absent) const;
    // "label" and "label!" against an object's labels: each value is "key" or "key=value", all of
    // label must hold and none of label!.
    bool labels(const std::map<std::string, std::string>& labels) const;

    void add(std::string key, std::string value) {
        values_[std::move(key)].push_back(std::move(value));
    }
    const std::map<std::string, std::vector<std::string>, std::less<>>& all() const {
        return values_;
    }
    bool empty() const { return values_.empty(); }
    std::string encode() const;  // for clients

private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

}  // namespace codec

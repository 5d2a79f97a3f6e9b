// JSON in: a reader that stands on one value of a document at a time. The parser behind it
// (simdjson, on demand) stays in json_reader.cc. Everything is checked as it is passed, skipped
// values too.
#pragma once

#include "base/error.h"
#include "base/limits.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace json {

enum class Type { null, boolean, number, string, array, object };
std::string_view type_name(Type type);  // "bool", "number" ..., as Go's decoder calls them

// A borrowed callable: valid for the call it is passed to.
template <class Signature> class FunctionRef;
template <class R, class... Args> class FunctionRef<R(Args...)> {
public:
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>) FunctionRef(F&& function)
        : target_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
          call_([](void* target, Args... args) -> R {
              return (*static_cast<std::remove_reference_t<F>*>(target))(args...);
          }) {}
    R operator()(Args... args) const { return call_(target_, args...); }

private:
    void* target_;
    R (*call_)(void*, Args...);
};

struct ReadLimits {
    std::size_t bytes_max = limits::image_config_bytes_max;
    std::size_t depth_max = limits::json_depth_max;
};

// Every reading function returns false after a failure; the first failure is kept, and whoever gets
// a false passes it on without touching the reader again.
class Reader {
public:
    // Copies `text` (the parser wants padding behind it) and calls `body` standing on the
    // document's value. Kind::invalid with a text that begins "invalid JSON: " or names the field;
    // trailing data is "unexpected content after JSON".
    static Status document(std::string_view text, FunctionRef<bool(Reader&)> body,
                           ReadLimits limits = {});

    // The value at hand. Each value is read once, by one of the functions below.
    Type type() const;
    bool is_null() const { return type() == Type::null; }
    bool boolean(bool& into);
    // A whole number in [min, max]; `type` is the name told when it is not ("int64").
    bool integer(std::int64_t& into, std::int64_t min, std::int64_t max, std::string_view type);
    bool natural(std::uint64_t& into, std::uint64_t max, std::string_view type);
    bool number(double& into);
    // The number's text as it stands in the document.
    bool number_text(std::string_view& into);
    // Unescaped, valid UTF-8; refuses NUL characters while forbid_nul is set.
    bool string(std::string& into);
    // Calls `member` with each key, standing on its value. A key seen twice is an error.
    bool object(FunctionRef<bool(std::string_view key)> member);
    bool array(FunctionRef<bool()> element);
    // Checks and passes over the value, whatever it is.
    bool skip();
    // Appends the value as compact JSON.
    bool copy(std::string& into);

    // Records a failure ("cannot unmarshal string into field ... of type int64").
    bool fail_type(std::string_view wanted);
    bool fail(std::string message);
    // Tells where the failure was, innermost first, while it travels up.
    void failed_in(std::string_view name);

    bool forbid_nul = false;

    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

private:
    struct Impl;
    explicit Reader(Impl& impl) : impl_(impl) {}
    Impl& impl_;
};

}  // namespace json

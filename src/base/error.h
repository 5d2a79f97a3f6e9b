// What can go wrong and how it travels: a kind (the API's own list), a text written for the user,
// and Result<T>, which is a value or such an error. TRY passes errors on, CO_TRY does so in tasks.
#pragma once

#include <cassert>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace base {

// The one list of failure kinds; api/status.cc alone turns a kind into an HTTP status.
enum class Kind {
    invalid,       // 400: the request is wrong
    unauthorized,  // 401
    denied,        // 403
    missing,       // 404
    conflict,      // 409
    unchanged,     // 304: already so
    too_large,     // 413
    unsupported,   // 501: not built
    unavailable,   // 503
    timeout,       // 504 (500 towards Docker clients)
    cancelled,     // whoever waited has gone
    internal,      // 500
};

std::string_view kind_name(Kind kind);

class [[nodiscard]] Error {
public:
    Error(Kind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

    Kind kind() const { return kind_; }
    const std::string& message() const { return message_; }

    // "pulling x: <old message>"; the kind stays.
    Error context(std::string_view what) && {
        message_.insert(0, ": ").insert(0, what);
        return std::move(*this);
    }
    Error context(std::string_view what) const& { return Error(*this).context(what); }

    // The same text under another kind.
    Error as(Kind kind) && {
        kind_ = kind;
        return std::move(*this);
    }

private:
    Kind kind_;
    std::string message_;
};

// "no such file or directory": as Go prints an error number.
std::string errno_text(int errno_value);
// "what: errno_text(errno_value)". ENOENT is missing, EACCES/EPERM denied, ENOSPC/EDQUOT and the rest
// internal: a failed system call is our trouble unless the caller says otherwise with as().
Error errno_error(int errno_value, std::string_view what);

template <class T = void> class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : inner_(std::move(value)) {}
    Result(Error error) : inner_(std::unexpect, std::move(error)) {}
    template <class U>
        requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
                 !std::is_same_v<std::remove_cvref_t<U>, T> &&
                 !std::is_same_v<std::remove_cvref_t<U>, Result>)
    Result(U&& value) : inner_(T(std::forward<U>(value))) {}

    explicit operator bool() const { return inner_.has_value(); }
    T& value() & { return *inner_; }
    const T& value() const& { return *inner_; }
    T&& value() && { return std::move(*inner_); }
    T& operator*() & { return *inner_; }
    const T& operator*() const& { return *inner_; }
    T&& operator*() && { return std::move(*inner_); }
    T* operator->() { return &*inner_; }
    const T* operator->() const { return &*inner_; }
    Error& error() & { return inner_.error(); }
    const Error& error() const& { return inner_.error(); }
    Error&& error() && { return std::move(inner_.error()); }

    T value_or(T other) && { return inner_ ? std::move(*inner_) : std::move(other); }

    Result context(std::string_view what) && {
        if (!inner_) return std::move(inner_.error()).context(what);
        return std::move(*this);
    }

private:
    std::expected<T, Error> inner_;
};

template <> class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;
    Result(Error error) : inner_(std::unexpect, std::move(error)) {}

    explicit operator bool() const { return inner_.has_value(); }
    void value() const {}
    Error& error() & { return inner_.error(); }
    const Error& error() const& { return inner_.error(); }
    Error&& error() && { return std::move(inner_.error()); }

    Result context(std::string_view what) && {
        if (!inner_) return std::move(inner_.error()).context(what);
        return std::move(*this);
    }

private:
    std::expected<void, Error> inner_;
};

using Status = Result<void>;

#define LIGHTER_JOIN2(a, b) a##b
#define LIGHTER_JOIN(a, b) LIGHTER_JOIN2(a, b)
#define LIGHTER_TRY(ret, tmp, declaration, ...)                                                    \
    auto tmp = (__VA_ARGS__);                                                                      \
    if (!tmp) ret std::move(tmp).error();                                                          \
    declaration = std::move(tmp).value()
#define LIGHTER_TRY_DO(ret, tmp, ...)                                                              \
    do {                                                                                           \
        auto tmp = (__VA_ARGS__);                                                                  \
        if (!tmp) ret std::move(tmp).error();                                                      \
    } while (false)

// TRY(Fd file, open_under(dir, id));  declares `file` or returns the error.
#define TRY(declaration, ...)                                                                      \
    LIGHTER_TRY(return, LIGHTER_JOIN(try_, __COUNTER__), declaration, __VA_ARGS__)
#define CO_TRY(declaration, ...)                                                                   \
    LIGHTER_TRY(co_return, LIGHTER_JOIN(try_, __COUNTER__), declaration, __VA_ARGS__)
// TRY_DO(remove(x));  for Result<void>.
#define TRY_DO(...) LIGHTER_TRY_DO(return, LIGHTER_JOIN(try_, __COUNTER__), __VA_ARGS__)
#define CO_TRY_DO(...) LIGHTER_TRY_DO(co_return, LIGHTER_JOIN(try_, __COUNTER__), __VA_ARGS__)

}  // namespace base

// The vocabulary every room uses unqualified.
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

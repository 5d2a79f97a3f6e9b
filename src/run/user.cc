#include "run/user.h"

#include "base/limits.h"
#include "base/text.h"
#include "sys/file.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/core.h>
#include <optional>
#include <sys/stat.h>
#include <unordered_set>

namespace run {

namespace {

constexpr std::int64_t id_max = 4294967294;  // the kernel's: one more means "as it was"
constexpr std::size_t gids_max = 65536;      // setgroups(2)

Error out_of_range() {
    return Error(Kind::invalid, fmt::format("uids and gids must be in range 0-{}", id_max));
}

// Digits with or without a sign are a number and nothing else, even if an account of that name
// exists (CVE-2016-3697). Beyond int64 they are still a number, just never a valid one.
std::optional<std::int64_t> number_of(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    std::int64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        return INT64_MAX;
    return negative ? -value : value;
}

bool in_range(std::int64_t id) {
    return id >= 0 && id <= id_max;
}

// The next part up to `separator`, cut off the front of `rest`; empty when nothing is left.
std::string_view cut(std::string_view& rest, char separator) {
    std::size_t at = rest.find(separator);
    std::string_view part = rest.substr(0, at);
    rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
    return part;
}

// Calls `row` with each line that is not blank, until it says true.
template <class Row> void each_line(std::string_view text, Row row) {
    while (!text.empty()) {
        std::string_view line = base::trimmed(cut(text, '\n'), " \t\r\v\f");
        if (!line.empty() && row(line)) return;
    }
}

// name:password:uid:gid:gecos:home:shell. A uid or gid that is no number is none: Docker takes it
// for 0, which makes root of a typing mistake.
struct Account {
    explicit Account(std::string_view line) {
        name = cut(line, ':');
        cut(line, ':');
        uid = number_of(cut(line, ':'));
        gid = number_of(cut(line, ':'));
        cut(line, ':');
        home = cut(line, ':');
    }
    std::string_view name, home;
    std::optional<std::int64_t> uid, gid;
};

// name:password:gid:member,member
struct Group {
    explicit Group(std::string_view line) {
        name = cut(line, ':');
        cut(line, ':');
        gid = number_of(cut(line, ':'));
        members = cut(line, ':');
    }
    bool has(std::string_view member) const {
        for (std::string_view rest = members; !rest.empty();)
            if (cut(rest, ',') == member) return true;
        return false;
    }
    std::string_view name, members;
    std::optional<std::int64_t> gid;
};

template <class Entry, class Match>
std::optional<Entry> first_match(std::string_view text, Match match) {
    std::optional<Entry> found;
    each_line(text, [&](std::string_view line) {
        Entry entry(line);
        if (match(entry)) found = entry;
        return found.has_value();
    });
    return found;
}

// The group ids of a process in the order they were found, each once.
class Gids {
public:
    Status add(std::int64_t gid) {
        if (!in_range(gid)) return out_of_range();
        auto id = static_cast<std::uint32_t>(gid);
        if (!seen_.insert(id).second) return {};
        if (list_.size() == gids_max)
            return Error(Kind::invalid, fmt::format("more than {} groups", gids_max));
        list_.push_back(id);
        return {};
    }
    std::vector<std::uint32_t> take() { return std::move(list_); }

private:
    std::unordered_set<std::uint32_t> seen_;
    std::vector<std::uint32_t> list_;
};

// A group that was named: by number, which needs no entry, or by name, which does.
Result<std::int64_t> named_group(std::string_view group_text, std::string_view wanted) {
    if (auto number = number_of(wanted)) {
        if (!in_range(*number)) return out_of_range();
        return *number;
    }
    auto group = first_match<Group>(group_text, [&](const Group& g) { return g.name == wanted; });
    if (!group)
        return Error(Kind::invalid, fmt::format("unable to find group {}: no matching entries in "
                                                "group file",
                                                wanted));
    if (!group->gid || !in_range(*group->gid)) return out_of_range();
    return *group->gid;
}

// The account that is meant, if there is one; a number needs none.
Result<std::optional<Account>> named_account(std::string_view passwd_text,
                                             std::string_view wanted) {
    auto number = wanted.empty() ? std::optional<std::int64_t>(0) : number_of(wanted);
    if (number && !in_range(*number)) return out_of_range();
    auto account = first_match<Account>(
        passwd_text, [&](const Account& a) { return number ? a.uid == number : a.name == wanted; });
    if (!account && !number)
        return Error(
            Kind::invalid,
            fmt::format("unable to find user {}: no matching entries in passwd file", wanted));
    return account;
}

// Where the process is at home is looked up by number, as runc does: the first account with the uid
// may be another than the one that was named.
std::string home_of(std::string_view passwd_text, std::uint32_t uid) {
    auto owner = first_match<Account>(passwd_text, [&](const Account& a) { return a.uid == uid; });
    return owner && !owner->home.empty() ? std::string(owner->home) : "/";
}

// Text of a regular file inside the rootfs, "" when there is none.
Result<std::string> read_accounts(const Fd& rootfs, const std::string& path) {
    // First a handle that opens nothing: a device or a FIFO must neither act nor wait.
    auto handle = sys::open_in_root(rootfs, path, O_PATH);
    if (!handle) {
        if (handle.error().kind() == Kind::missing) return std::string();
        return std::move(handle).error();
    }
    struct stat status {};
    if (::fstat(handle->get(), &status) != 0) return base::errno_error(errno, "stat " + path);
    if (!S_ISREG(status.st_mode))
        return Error(Kind::invalid, fmt::format("{} in the container is no regular file", path));
    int fd = ::open(fmt::format("/proc/self/fd/{}", handle->get()).c_str(),
                    O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return base::errno_error(errno, "open " + path);
    auto text = sys::read_all(Fd(fd), limits::account_file_bytes_max);
    if (!text && text.error().kind() == Kind::too_large)
        return Error(Kind::invalid,
                     fmt::format("{} in the container: {}", path, text.error().message()));
    return std::move(text).context(path);
}

}  // namespace

Result<User> resolve_user_in(std::string_view passwd, std::string_view group, std::string_view user,
                             const std::vector<std::string>& group_add) {
    std::string_view user_wanted = cut(user, ':');
    std::string_view group_wanted = cut(user, ':');
    User result;
    std::string_view matched_name;
    std::int64_t gid = 0;
    TRY(std::optional<Account> account, named_account(passwd, user_wanted));
    if (account) {
        if (!account->uid || !in_range(*account->uid)) return out_of_range();
        result.uid = static_cast<std::uint32_t>(*account->uid);
        // Without a gid of its own an account is of no use unless the request brings one.
        gid = account->gid.value_or(-1);
        matched_name = account->name;
    } else if (!user_wanted.empty()) {
        result.uid = static_cast<std::uint32_t>(*number_of(user_wanted));
    }
    if (!group_wanted.empty()) {
        TRY(gid, named_group(group, group_wanted));
    }
    Gids gids;
    TRY_DO(gids.add(gid));
    result.gid = static_cast<std::uint32_t>(gid);
    // A group that was named replaces the account's others.
    if (group_wanted.empty() && !matched_name.empty()) {
        Status added;
        each_line(group, [&](std::string_view line) {
            Group entry(line);
            if (entry.gid && entry.has(matched_name)) added = gids.add(*entry.gid);
            return !added;
        });
        TRY_DO(std::move(added));
    }
    for (const std::string& wanted : group_add) {
        TRY(std::int64_t extra, named_group(group, wanted));
        TRY_DO(gids.add(extra));
    }
    result.additional_gids = gids.take();
    result.home = home_of(passwd, result.uid);
    return result;
}

Result<User> resolve_user(const Fd& rootfs, std::string_view user,
                          const std::vector<std::string>& group_add) {
    TRY(std::string passwd, read_accounts(rootfs, "/etc/passwd"));
    TRY(std::string group, read_accounts(rootfs, "/etc/group"));
    return resolve_user_in(passwd, group, user, group_add);
}

}  // namespace run

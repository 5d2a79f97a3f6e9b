#include "run/shim/paths.h"

#include "run/shim/system.h"

#include <climits>
#include <cstring>
#include <sys/stat.h>

namespace run::shim {
namespace {

constexpr int links_max = 40;  // as the kernel's

// Into the folder ("." for the top) and the last component, which must be a name.
int split_path(const char* path, char (&folder)[PATH_MAX], const char** name) {
    const char* slash = std::strrchr(path, '/');
    *name = slash == nullptr ? path : slash + 1;
    if (**name == 0 || std::strcmp(*name, ".") == 0 || std::strcmp(*name, "..") == 0)
        return -EINVAL;
    std::size_t length = slash == nullptr ? 0 : static_cast<std::size_t>(slash - path);
    if (length >= sizeof folder) return -ENAMETOOLONG;
    std::memcpy(folder, path, length);
    folder[length] = 0;
    if (length == 0) std::strcpy(folder, ".");
    return 0;
}

int make_entry(int parent, const char* name, Make make) {
    if (make == Make::folder) return result(::mkdirat(parent, name, 0755));
    Held file(
        result(::openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0755)));
    return file.good() ? 0 : file.get();
}

// Walks a path component by component, with the links of the root taken as a process inside would.
class Walk {
public:
    Walk(int root, Make make) : root_(root), make_(make) {}

    int go(const char* path) {
        if (std::strlen(path) >= sizeof rest_) return -ENAMETOOLONG;
        std::strcpy(rest_, path);
        char name[NAME_MAX + 1];
        for (;;) {
            int taken = take(name);
            if (taken < 0) return taken;
            if (taken == 0) break;
            if (std::strcmp(name, ".") == 0) continue;
            int done = std::strcmp(name, "..") == 0 ? up() : down(name);
            if (done < 0) return done;
        }
        return open_plainly(root_, done_, O_PATH);
    }

private:
    // The next component into `name`: 1, or 0 at the end.
    int take(char* name) {
        const char* at = rest_;
        while (*at == '/')
            ++at;
        std::size_t length = std::strcspn(at, "/");
        if (length == 0) return 0;
        if (length > NAME_MAX) return -ENAMETOOLONG;
        std::memcpy(name, at, length);
        name[length] = 0;
        at += length;
        std::memmove(rest_, at, std::strlen(at) + 1);
        return 1;
    }
    bool last() const { return rest_[std::strspn(rest_, "/")] == 0; }

    int up() {
        if (char* slash = std::strrchr(done_, '/')) *slash = 0;
        return 0;
    }

    int down(const char* name) {
        std::size_t before = std::strlen(done_);
        if (before + std::strlen(name) + 2 > sizeof done_) return -ENAMETOOLONG;
        done_[before] = '/';
        std::strcpy(done_ + before + 1, name);
        // Twice: somebody with the same volume may make it between our look and our make.
        for (int tries = 0; tries < 3; ++tries) {
            Held found(open_plainly(root_, done_, O_PATH | O_NOFOLLOW));
            if (found.good()) return enter(found.get(), before);
            if (found.get() != -ENOENT) return found.get();
            int made = make_one(name, before);
            if (made < 0 && made != -EEXIST) return made;
        }
        return -EAGAIN;
    }

    // `found` is what done_ names: a link is taken out of done_ and put in front of the rest.
    int enter(int found, std::size_t before) {
        struct stat info;
        if (::fstat(found, &info) < 0) return -errno;
        if (!S_ISLNK(info.st_mode)) return 0;
        if (++links_ > links_max) return -ELOOP;
        char target[PATH_MAX];
        ssize_t length = ::readlinkat(found, "", target, sizeof target - 1);
        if (length < 0) return -errno;
        target[length] = 0;
        std::size_t rest = std::strlen(rest_);
        if (static_cast<std::size_t>(length) + 1 + rest + 1 > sizeof rest_) return -ENAMETOOLONG;
        std::memmove(rest_ + length + 1, rest_, rest + 1);
        std::memcpy(rest_, target, static_cast<std::size_t>(length));
        rest_[length] = '/';
        done_[target[0] == '/' ? 1 : before] = 0;
        return 0;
    }

    int make_one(const char* name, std::size_t before) {
        done_[before] = 0;
        Held parent(open_plainly(root_, done_, O_PATH | O_DIRECTORY));
        done_[before] = '/';
        if (!parent.good()) return parent.get();
        return make_entry(parent.get(), name, last() ? make_ : Make::folder);
    }

    int root_;
    Make make_;
    int links_ = 0;
    char done_[PATH_MAX] = ".";  // "." and "/name" for each component, free of links
    char rest_[2 * PATH_MAX] = {};
};

// The usual case: only the last component is missing. -ENOENT, -EEXIST: not the usual case.
int make_last(int root, const char* path, Make make) {
    const char* name = nullptr;
    char folder[PATH_MAX];
    int split = split_path(path, folder, &name);
    if (split < 0) return -ENOENT;
    Held parent(open_in_root(root, folder, O_PATH | O_DIRECTORY));
    if (!parent.good()) return parent.get();
    int made = make_entry(parent.get(), name, make);
    if (made < 0) return made;
    return result(::openat(parent.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

int open_or_make(int root, const char* path, Make make) {
    int found = open_in_root(root, path, O_PATH);
    if (found != -ENOENT) return found;
    int made = make_last(root, path, make);
    return made == -ENOENT || made == -EEXIST ? Walk(root, make).go(path) : made;
}

int open_parent(int root, const char* path, const char** name) {
    char folder[PATH_MAX];
    int split = split_path(path, folder, name);
    return split < 0 ? split : open_or_make(root, folder, Make::folder);
}

}  // namespace run::shim

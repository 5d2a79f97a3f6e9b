// What a container has changed: its own folder (overlayfs's upper) beside what it stands on. Names,
// kinds and order of `docker diff`. Costs what was changed, not what is there. Blocking: one thread
// at a time.
#pragma once

#include "archive/tar_stream.h"
#include "archive/walk.h"
#include "sys/fd.h"

#include <deque>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace engine {

enum class ChangeKind { modified = 0, added = 1, deleted = 2 };  // the API's numbers

struct Change {
    ChangeKind kind = ChangeKind::modified;
    std::string path;  // "etc/passwd"; "" is the root
    Fd file;           // O_PATH, of what the container has there now; none when it was deleted
    struct stat info {};
    // A folder that hides what the layers below have under its name.
    bool opaque = false;
};

class UpperWalk {
public:
    // `old` (the layers, mounted) may be none. `for_layer`: what a layer is made of. Files that
    // were touched and look as before are told as well, the root when it has changed, and of an
    // opaque folder only that it is one.
    UpperWalk(Fd upper, Fd old, bool for_layer);

    // The next change, a folder before what is in it; a folder also when only something in it has
    // changed. Nothing: the end.
    Result<std::optional<Change>> next();

private:
    // What the walk's folders are besides; as many as they.
    struct Folder {
        Fd old;  // the same folder in the layers, if they have one
        bool opaque = false;
        std::optional<Change> untold;  // not changed itself, as far as is known
    };
    Status step();
    Status look_at(Fd file, std::string path, const std::string& name);
    Status enter(Fd file, std::string path, Fd old, bool opaque, std::optional<Change> untold);
    Status leave();
    void tell(Change change);

    Fd upper_, old_;
    bool for_layer_;
    bool begun_ = false;
    archive::Walk walk_;
    std::vector<Folder> folders_;
    std::deque<Change> told_;
};

// The same as a layer's tar: whiteouts as images have them.
class UpperTar final : public archive::TarStream {
public:
    UpperTar(Fd upper, Fd old) : walk_(std::move(upper), std::move(old), true) {}

private:
    Result<bool> next() override;
    UpperWalk walk_;
    std::optional<codec::tar::Entry> marker_;  // stands next
};

// Whether Docker takes two files of one path for different ones.
bool differs(const struct stat& before, const struct stat& now);

}  // namespace engine

// Mounts by descriptor (the new mount API), for a child that builds its root and for the shim's
// own set-up. Everything returns a descriptor or 0, or -errno.
#pragma once

#include "run/protocol.h"
#include "run/shim/system.h"

namespace run::shim {

// A detached mount of a new file system; `source` may be null (then the type is shown).
int make_filesystem(const char* type, const char* source, protocol::List<protocol::Text> options,
                    protocol::View view, std::uint64_t attributes);
// A detached copy of what `path` below `folder` shows ("": what `folder` itself is).
int copy_mount(int folder, const char* path, bool recursive = false);
bool is_null_device(int fd);
int attach(int mount, int target);
int set_attributes(int mount, std::uint64_t set, std::uint64_t clear, bool recursive,
                   std::uint64_t propagation = 0);

struct MountContext {
    protocol::View view;
    const int* fds;
    int root;
    int proc;    // the private procfs
    int devpts;  // made by the parent, or -1
};
// One mount of the specification, onto its target below the root (made where missing).
int place_mount(const MountContext& context, const protocol::MountEntry& mount);
// Makes the mount whose root is `path` read-only.
int seal_mount(int root, const char* path);

// Covers paths: files with the null device, folders with an empty read-only tmpfs which is made
// once. A path that is not there is fine.
class Cover {
public:
    // `root` has a /dev of ours with a null device in it; else the shim's own is bound.
    Cover(int root, bool fresh_dev) : root_(root), null_(fresh_dev ? own_null(root) : -1) {}
    int mask(const char* path);

private:
    static int own_null(int root);
    int root_;
    Held null_;
    int empty_folder();
    Held tmpfs_;
    bool attached_ = false;
};
// Binds `path` (with all below) onto itself, read-only. A path that is not there is fine.
int make_readonly(int root, const char* path);

}  // namespace run::shim

// What reads and writes a container's file system: export, diff, commit, cp. Loop thread; the walks
// are jobs of the heavy lane, streamed with bounded memory.
#pragma once

#include "archive/tree_tar.h"
#include "engine/containers.h"
#include "engine/file_view.h"
#include "engine/upper_walk.h"
#include "loop/worker_feed.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace engine {

// An archive as it is read, with what must stay meanwhile. For loop::WorkerSource; ends on a
// worker (drop()), as mounts end with it.
class FileTar {
public:
    FileTar(FileView view, std::unique_ptr<archive::TarStream> tar)
        : view_(std::move(view)), tar_(std::move(tar)) {}
    Result<std::size_t> read(char* out, std::size_t capacity) { return tar_->read(out, capacity); }

private:
    FileView view_;
    std::unique_ptr<archive::TarStream> tar_;
};

struct FileArchive {
    PathStat stat;
    FileTar tar;
};

struct WriteOrder {
    std::string path;
    bool keep_types = false;  // noOverwriteDirNonDir
    bool own_user = false;    // copyUIDGID: everything becomes the container's user's
};

struct CommitOrder {
    std::optional<registry::Target> target;  // named so, if given
    std::string repository, tag;             // of it, as written
    std::string comment, author;
    bool pause = true;
    std::optional<wire::ContainerConfig> config;  // instead of the container's
    std::vector<std::string> changes;             // "CMD [...]" and the like
};

class ContainerFiles {
public:
    ContainerFiles(Containers& containers, Images& images)
        : containers_(containers), images_(images) {}

    // Its own files, without what is mounted into it.
    Task<Result<FileTar>> export_all(ContainerPtr container);
    Task<Result<UpperWalk>> changes(ContainerPtr container);
    // The new image's id.
    Task<Result<std::string>> commit(ContainerPtr container, CommitOrder order);

    // `shown`: the container as the client calls it.
    Task<Result<PathStat>> stat(ContainerPtr container, std::string shown, std::string path);
    Task<Result<FileArchive>> read(ContainerPtr container, std::string shown, std::string path);
    // `source`: a tar, plain or compressed. Durable when it returns. What was complete stays when
    // it fails.
    Task<Status> write(ContainerPtr container, std::string shown, WriteOrder order,
                       loop::ByteSource source);

    // On a worker.
    template <class T> Task<void> drop(T gone) {
        Task<Status> dropping = containers_.workers().run(
            loop::Lane::heavy, [](T what) { return Status(); }, std::move(gone));
        (void)co_await loop::shield(std::move(dropping));
    }

private:
    Result<FilePlan> plan(const Container& container, std::string shown);
    // The mount points of a container that never ran are made, so that what lies there is seen.
    Task<Status> make_mount_points(ContainerPtr container);
    Task<Status> write_to(FilePlan plan, WriteOrder order, std::string user,
                          loop::ByteSource source);

    Containers& containers_;
    Images& images_;
};

}  // namespace engine

#include "engine/container_files.h"

#include "archive/extract.h"
#include "base/log.h"
#include "run/user.h"
#include "store/inflate.h"
#include "sys/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace engine {

namespace {

// Worker.
Result<FileTar> open_export(FilePlan plan) {
    FileView view;
    // The container's own mount, if it has one: a second one over folders that are written to need
    // not see what is written.
    if (plan.pidfd)
        if (auto own = sys::clone_root_of_process(plan.pidfd)) view.tree.root = std::move(*own);
    if (!view.tree.root) {
        TRY(view.tree.root, mount_own_files(plan));
    }
    TRY(Fd first, sys::open_at(view.tree.root, ".", O_PATH | O_DIRECTORY));
    auto tar = std::make_unique<archive::TreeTar>(std::move(first), "");
    return FileTar(std::move(view), std::move(tar));
}

// Worker.
Result<UpperWalk> open_changes(FilePlan plan) {
    TRY(Fd old, mount_lowers(plan));
    TRY(Fd upper, open_upper(plan));
    return UpperWalk(std::move(upper), std::move(old), false);
}

// Worker.
Status open_and_close(FilePlan plan) {
    TRY([[maybe_unused]] FileView view, open_view(std::move(plan), true));
    return {};
}

// Worker.
Result<PathStat> stat_in_view(FilePlan plan, std::string path) {
    TRY(FileView view, open_view(std::move(plan), false));
    return stat_path(view, archive_path(path));
}

dev_t device_of(const Fd& root, const char* path) {
    struct stat info {};
    auto folder = sys::open_in_root(root, path, O_PATH | O_NOFOLLOW);
    return folder && ::fstat(folder->get(), &info) == 0 ? info.st_dev : 0;
}

// What the engine mounts for the process is not the container's; asked for by its path it is.
archive::TreeTar::Hides hides(const Fd& root) {
    dev_t own = device_of(root, "."), dev = device_of(root, "dev");
    return [own, dev](const Fd& folder, bool first) {
        if (is_kernel_file_system(folder)) return true;
        struct stat info {};
        return !first && dev != own && ::fstat(folder.get(), &info) == 0 && info.st_dev == dev;
    };
}

// Worker.
Result<FileArchive> open_archive(FilePlan plan, std::string path) {
    ArchivePath wanted = archive_path(path);
    TRY(FileView view, open_view(std::move(plan), false));
    TRY(PathStat stat, stat_path(view, wanted));
    TRY(Fd first, open_path(view, wanted));
    auto tar =
        std::make_unique<archive::TreeTar>(std::move(first), wanted.name, hides(view.tree.root));
    return FileArchive{std::move(stat), FileTar(std::move(view), std::move(tar))};
}

// An upload under way; ends on a worker.
struct Upload {
    Upload(FileView opened, std::string at, archive::ExtractOptions options, Fd root)
        : view(std::move(opened)), files(std::move(root), std::move(at), std::move(options)),
          inflater([this](std::string_view bytes) { return files.feed(bytes); }) {}

    Status feed(std::string_view bytes) {
        any = true;
        Status done = inflater.feed(bytes);
        if (!done && done.error().kind() == Kind::unsupported)
            return std::move(done).error().as(Kind::invalid);
        return done;
    }

    FileView view;
    archive::Extractor files;
    store::Inflater inflater;
    bool any = false;
};

// Worker.
Result<std::unique_ptr<Upload>> open_upload(FilePlan plan, WriteOrder order, std::string user) {
    TRY(FileView view, open_view(std::move(plan), true));
    TRY(std::string at, find_target(view, archive_path(order.path)));
    archive::ExtractOptions options;
    options.keep_types = order.keep_types;
    if (order.own_user && !user.empty()) {
        TRY(run::User who, run::resolve_user(view.tree.root, user, {}));
        options.owner = {who.uid, who.gid};
    }
    TRY(Fd root, view.tree.root.duplicate());
    return std::make_unique<Upload>(std::move(view), std::move(at), std::move(options),
                                    std::move(root));
}

// Worker. No body at all is no archive, and no mistake either.
Status end_upload(Upload* upload) {
    if (!upload->any) return {};
    TRY_DO(upload->inflater.finish());
    return upload->files.finish();
}

}  // namespace

Result<FilePlan> ContainerFiles::plan(const Container& container, std::string shown) {
    const ContainerRecord& record = container.record;
    FilePlan out;
    out.shown = std::move(shown);
    out.folder = containers_.folder_of(container);
    TRY(out.lowers, images_.layer_paths(record.diff_ids));
    TRY(out.mounts, user_mounts(record.host_config));
    out.rootfs_read_only = record.host_config.readonly_rootfs;
    if (container.running) {
        TRY(out.pidfd, container.pidfd.duplicate());
    }
    return out;
}

Task<Result<FileTar>> ContainerFiles::export_all(ContainerPtr container) {
    if (container->dead || container->removing)
        co_return Error(Kind::conflict,
                        fmt::format("You cannot export container {} which is {}", container->id(),
                                    container->dead ? "Dead" : "being removed"));
    CO_TRY(FilePlan plan, this->plan(*container, container->id()));
    CO_TRY(FileTar tar,
           co_await containers_.workers().run(loop::Lane::heavy, open_export, std::move(plan)));
    containers_.publish(*container, "export");
    co_return std::move(tar);
}

Task<Result<UpperWalk>> ContainerFiles::changes(ContainerPtr container) {
    CO_TRY(FilePlan plan, this->plan(*container, container->id()));
    co_return co_await containers_.workers().run(loop::Lane::heavy, open_changes, std::move(plan));
}

Task<Status> ContainerFiles::make_mount_points(ContainerPtr container) {
    if (container->record.started) co_return Status();
    CO_TRY(auto lock, co_await container->changing.lock());
    if (container->record.started || container->removing) co_return Status();
    CO_TRY(FilePlan plan, this->plan(*container, container->id()));
    if (plan.mounts.empty()) co_return Status();
    co_return co_await containers_.workers().run(loop::Lane::heavy, open_and_close,
                                                 std::move(plan));
}

Task<Result<PathStat>> ContainerFiles::stat(ContainerPtr container, std::string shown,
                                            std::string path) {
    CO_TRY_DO(co_await make_mount_points(container));
    CO_TRY(FilePlan plan, this->plan(*container, std::move(shown)));
    co_return co_await containers_.workers().run(loop::Lane::heavy, stat_in_view, std::move(plan),
                                                 std::move(path));
}

Task<Result<FileArchive>> ContainerFiles::read(ContainerPtr container, std::string shown,
                                               std::string path) {
    CO_TRY_DO(co_await make_mount_points(container));
    CO_TRY(FilePlan plan, this->plan(*container, std::move(shown)));
    CO_TRY(FileArchive archive,
           co_await containers_.workers().run(loop::Lane::heavy, open_archive, std::move(plan),
                                              std::move(path)));
    containers_.publish(*container, "archive-path");
    co_return std::move(archive);
}

Task<Status> ContainerFiles::write(ContainerPtr container, std::string shown, WriteOrder order,
                                   loop::ByteSource source) {
    // Two mounts must not write to the same folder: what does not run is not started meanwhile.
    std::optional<loop::Mutex::Lock> lock;
    if (!container->running) {
        CO_TRY(auto held, co_await container->changing.lock());
        if (!container->running) lock.emplace(std::move(held));
    }
    if (container->removing)
        co_return Error(Kind::conflict,
                        fmt::format("container {} is being removed", container->id()));
    CO_TRY(FilePlan plan, this->plan(*container, std::move(shown)));
    Status done = co_await write_to(std::move(plan), std::move(order),
                                    container->record.config.user, std::move(source));
    if (done) containers_.publish(*container, "extract-to-dir");
    co_return done;
}

Task<Status> ContainerFiles::write_to(FilePlan plan, WriteOrder order, std::string user,
                                      loop::ByteSource source) {
    Workers& workers = containers_.workers();
    CO_TRY(std::unique_ptr<Upload> upload,
           co_await workers.run(loop::Lane::heavy, open_upload, std::move(plan), std::move(order),
                                std::move(user)));
    WorkerFeed<Upload> feed(workers, *upload);
    Status done = co_await feed.run(std::move(source));
    if (done) done = co_await workers.run(loop::Lane::heavy, end_upload, upload.get());
    co_await drop(std::move(upload));
    co_return done;
}

}  // namespace engine

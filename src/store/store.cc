#include "store/store.h"

#include "sys/file.h"

#include <fcntl.h>
#include <fmt/core.h>

namespace store {

namespace {

// Parts of pulls nobody has gone on with for this long are given up.
constexpr std::int64_t ingest_age_seconds = 7 * 24 * 3600;

// What was under way when the last engine ended has no name anywhere else.
Status sweep_staging(const std::string& data_root) {
    TRY_DO(sys::make_folders(data_root + "/staging", 0700));
    TRY(Fd staging, sys::open_folder(data_root + "/staging"));
    TRY(std::vector<std::string> names, sys::list_names(staging));
    for (const std::string& name : names)
        TRY_DO(sys::remove_tree(staging, name));
    return {};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& data_root) {
    TRY_DO(sys::make_folders(data_root, 0710));
    std::unique_ptr<Store> store(new Store());
    store->data_root_ = data_root;
    TRY(Fd root, sys::open_folder(data_root));
    TRY(store->lock_, sys::open_at(root, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (!sys::lock_exclusively(store->lock_))
        return Error(Kind::conflict,
                     fmt::format("data root {} is in use by another engine", data_root));
    TRY_DO(sweep_staging(data_root));
    TRY(store->reserve_, Reserve::open(data_root));
    Reserve& reserve = *store->reserve_;
    TRY(Database database, Database::open(data_root, [&reserve] { return reserve.give_up(); }));
    store->database_ = std::make_unique<Database>(std::move(database));
    TRY(store->layers_, Layers::open(data_root, *store->database_, reserve));
    store->layer_blobs_ = std::make_unique<LayerBlobs>(*store->database_);
    TRY(store->images_, Images::open(data_root, *store->database_, reserve));
    TRY_DO(store->images_->sweep());
    TRY(store->ingest_, Ingest::open(data_root));
    TRY_DO(store->ingest_->sweep(ingest_age_seconds));
    TRY(store->folders_, Folders::open(data_root, reserve));
    reserve.take();
    return store;
}

}  // namespace store

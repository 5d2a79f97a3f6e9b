// An image archive (docker save's, an OCI layout) as it streams in: no crash, whatever is asked of
// it afterwards, and nothing outside its scratch folder changes. Needs root for devices and owners.
#include "store/archive_intake.h"
#include "store/store.h"
#include "sys/file.h"

#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

struct Scratch {
    std::string path;
    std::unique_ptr<store::Store> store;
    Scratch() {
        char name[] = "/tmp/lighter-fuzz-archive-XXXXXX";
        if (::mkdtemp(name) == nullptr) std::abort();
        path = name;
        if (!sys::make_folders(path + "/canary", 0700)) std::abort();
        auto opened = store::Store::open(path + "/data");
        if (!opened) std::abort();
        store = std::move(*opened);
    }
    ~Scratch() {
        store.reset();
        auto parent = sys::open_folder("/tmp");
        if (parent) (void)sys::remove_tree(*parent, path.substr(5));
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Scratch scratch;
    store::IntakeLimits limits;
    limits.document_bytes_max = 64 * 1024;
    limits.documents_bytes_max = 256 * 1024;
    limits.entries_max = 1000;
    limits.layer = {.unpacked_bytes_max = 16 << 20, .entries_max = 2000, .ratio_max = 2000};
    {
        store::ArchiveIntake intake(scratch.store->layers(), limits);
        std::string_view bytes(reinterpret_cast<const char*>(data), size);
        if (intake.feed(bytes)) (void)intake.finish();
        for (const char* path : {"manifest.json", "index.json", "blobs/sha256/x", "../x", "a/layer.tar"})
            if (store::IntakeItem* item = intake.find(path); item && !item->target.empty())
                std::abort();  // links are followed
    }
    struct stat canary{};
    if (::stat((scratch.path + "/canary").c_str(), &canary) != 0) std::abort();
    if ((canary.st_mode & 07777) != 0700 || canary.st_nlink != 2) std::abort();
    // What nobody committed has no name.
    if (!scratch.store->layers().list().empty()) std::abort();
    return 0;
}

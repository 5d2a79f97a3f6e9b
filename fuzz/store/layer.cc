// A layer's bytes, compressed or not, through the unpacker onto a scratch folder: no crash, and
// nothing outside the folder changes (security-cases section 3). Needs root for devices and owners.
#include "store/unpack.h"
#include "sys/file.h"

#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// A folder beside the unpacked one; its contents must stay what they are.
struct Scratch {
    std::string path;
    Scratch() {
        char name[] = "/tmp/lighter-fuzz-layer-XXXXXX";
        if (::mkdtemp(name) == nullptr) std::abort();
        path = name;
        if (!sys::make_folders(path + "/canary", 0700)) std::abort();
    }
    ~Scratch() {
        auto parent = sys::open_folder("/tmp");
        if (parent) (void)sys::remove_tree(*parent, path.substr(5));
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Scratch scratch;
    if (!sys::make_folders(scratch.path + "/layer", 0700)) std::abort();
    auto staging = sys::open_folder(scratch.path + "/layer");
    if (!staging) std::abort();
    store::UnpackOptions options;
    options.limits = {.unpacked_bytes_max = 16 << 20, .entries_max = 2000, .ratio_max = 2000};
    auto unpacker = store::Unpacker::create(std::move(*staging), std::move(options));
    if (!unpacker) std::abort();
    if (unpacker->feed({reinterpret_cast<const char*>(data), size})) (void)unpacker->finish();

    struct stat canary{};
    if (::stat((scratch.path + "/canary").c_str(), &canary) != 0) std::abort();
    if ((canary.st_mode & 07777) != 0700 || canary.st_nlink != 2) std::abort();
    return 0;
}

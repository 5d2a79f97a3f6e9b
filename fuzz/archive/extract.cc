// An uploaded tar as files of a tree that has links out of it: no crash, and nothing outside the
// tree changes. Then the tree is packed, and what is packed can be read. Needs root for devices.
#include "archive/extract.h"

#include "archive/tree_tar.h"
#include "sys/file.h"

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct Scratch {
    std::string path;
    Scratch() {
        char name[] = "/tmp/lighter-fuzz-extract-XXXXXX";
        if (::mkdtemp(name) == nullptr) std::abort();
        path = name;
        if (!sys::make_folders(path + "/canary", 0700)) std::abort();
    }
    ~Scratch() {
        auto parent = sys::open_folder("/tmp");
        if (parent) (void)sys::remove_tree(*parent, path.substr(5));
    }
};

struct Nothing final : codec::tar::Sink {
    Status entry(const codec::tar::Entry&) override { return {}; }
    Status content(std::uint64_t, std::string_view) override { return {}; }
    Status entry_end() override { return {}; }
    Status raw(std::string_view) override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Scratch scratch;
    if (size == 0) return 0;
    std::string root = scratch.path + "/root";
    if (!sys::make_folders(root + "/at/there", 0755)) std::abort();
    (void)!::symlink("../../canary", (root + "/at/up").c_str());
    (void)!::symlink((scratch.path + "/canary").c_str(), (root + "/at/out").c_str());
    {
        auto opened = sys::open_folder(root);
        if (!opened) std::abort();
        archive::ExtractOptions options;
        options.keep_types = (data[0] & 1) != 0;
        options.sync = false;
        if ((data[0] & 2) != 0) options.owner = {1, 1};
        if ((data[0] & 4) != 0) options.rename = {"a", "b"};
        archive::Extractor files(std::move(*opened), (data[0] & 8) != 0 ? "/" : "/at", options);
        std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
        if (files.feed(bytes)) (void)files.finish();
    }
    struct stat canary {};
    if (::stat((scratch.path + "/canary").c_str(), &canary) != 0) std::abort();
    if ((canary.st_mode & 07777) != 0700 || canary.st_nlink != 2 || canary.st_uid != 0)
        std::abort();
    {
        auto first = sys::open_folder(root);
        if (!first) std::abort();
        archive::TreeTar tar(std::move(*first), "packed");
        Nothing nothing;
        codec::tar::Reader reader(nothing);
        auto buffer = std::make_unique<char[]>(4096);
        // Holes may be huge; what is read in the first megabytes tells enough.
        for (int i = 0; i < 512; ++i) {
            auto got = tar.read(buffer.get(), 4096);
            if (!got) break;
            if (*got == 0 && !reader.finish()) std::abort();
            if (*got == 0) break;
            if (!reader.feed({buffer.get(), *got})) std::abort();
        }
    }
    auto parent = sys::open_folder(scratch.path);
    if (!parent || !sys::remove_tree(*parent, "root")) std::abort();
    return 0;
}

// Layers onto disk: what a tar may do, what it may not (security-cases section 3). Needs root.
#include "layer_support.h"
#include "store/sha256.h"

#include <atomic>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace layer_support;

namespace {

std::string large_tar() {
    std::string content(300'000, '\0');
    for (std::size_t i = 0; i < content.size(); ++i)
        content[i] = static_cast<char>(i * 7 % 251);
    TarBuilder tar;
    tar.folder("etc/").file("etc/hostname", "box\n").file("etc/big", content);
    return tar.done();
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_compression_gives_the_same_files_however_the_bytes_are_cut) {
    std::string tar = large_tar();
    struct Form {
        std::string bytes, name;
    };
    std::string half = tar.substr(0, 1000);
    Form forms[] = {
        {tar, "none"},
        {gzip(tar), "gzip"},
        {gzip(half) + gzip(tar.substr(1000)) + std::string(100, '\0'), "gzip"},
        {zstd(tar), "zstd"},
        {zstd(half) + zstd(tar.substr(1000)), "zstd"},
        {xz(tar), "xz"},
        {xz(half) + std::string(8, '\0') + xz(tar.substr(1000)) + std::string(4, '\0'), "xz"},
        {bzip2(tar), "bzip2"},
        {bzip2(half) + bzip2(tar.substr(1000)), "bzip2"}};
    for (const Form& form : forms)
        for (std::size_t piece :
             {std::size_t{1}, std::size_t{511}, std::size_t{70'000}, SIZE_MAX}) {
            ScratchFolder scratch;
            store::UnpackOptions options;
            options.digest = store::sha256_digest(form.bytes);
            options.diff_id = store::sha256_digest(tar);
            options.size = form.bytes.size();
            auto made = unpack(scratch, form.bytes, options, piece);
            BOOST_REQUIRE_MESSAGE(made, form.name << "/" << piece << ": "
                                                  << (made ? "" : made.error().message()));
            BOOST_TEST(made->compression == form.name);
            BOOST_TEST(made->entries == 3u);
            BOOST_TEST(scratch.read("diff/etc/hostname") == "box\n");
            BOOST_TEST(scratch.read("diff/etc/big").size() == 300'000u);
        }
}

BOOST_AUTO_TEST_CASE(a_truncated_layer_is_an_error_at_any_byte) {
    std::string tar = TarBuilder().folder("a/").file("a/b", std::string(700, 'b')).done();
    for (const std::string& whole : {gzip(tar), zstd(tar), xz(tar), bzip2(tar)})
        for (std::size_t size = 1; size < whole.size(); size += 13) {
            ScratchFolder scratch;
            BOOST_TEST(!unpack(scratch, whole.substr(0, size)), size);
        }
    ScratchFolder scratch;
    BOOST_TEST(!unpack(scratch, tar.substr(0, 512 + 512 + 100)));
}

BOOST_AUTO_TEST_CASE(the_last_files_padding_may_be_missing) {
    std::string tar = TarBuilder().folder("a/").file("a/b", "content").done();
    ScratchFolder scratch;
    auto made = unpack(scratch, tar.substr(0, 512 + 512 + 7));
    BOOST_REQUIRE_MESSAGE(made, made.error().message());
    BOOST_TEST(scratch.read("diff/a/b") == "content");
}

BOOST_AUTO_TEST_CASE(xz_that_asks_for_too_much_memory_is_refused) {
    std::string tar = large_tar();
    ScratchFolder fine, large;
    BOOST_TEST(static_cast<bool>(unpack(fine, xz(tar, 64 << 20))));
    auto made = unpack(large, xz(tar, 128 << 20));
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.error().kind() == Kind::too_large));
    BOOST_TEST(made.error().message().contains("more than 72 MiB"));
}

BOOST_AUTO_TEST_CASE(digests_and_sizes_are_checked) {
    std::string tar = large_tar();
    std::string packed = gzip(tar);
    auto refused = [&](auto change, std::string_view words) {
        ScratchFolder scratch;
        store::UnpackOptions options;
        change(options);
        auto made = unpack(scratch, packed, options);
        BOOST_REQUIRE(!made);
        BOOST_TEST(made.error().message().find(words) != std::string::npos, made.error().message());
    };
    std::string zeros = "sha256:" + std::string(64, '0');
    refused([&](auto& options) { options.digest = zeros; },
            "verification failed for digest " + zeros);
    refused([&](auto& options) { options.diff_id = zeros; }, "instead of " + zeros);
    refused([&](auto& options) { options.size = packed.size() - 1; }, "larger than");
    refused([&](auto& options) { options.size = packed.size() + 1; }, "instead of");
    refused([&](auto& options) { options.limits.unpacked_bytes_max = 4096; },
            "more than 4096 bytes");
    refused([&](auto& options) { options.limits.entries_max = 2; }, "more than 2 entries");
    static const std::atomic<bool> stop = true;
    refused([&](auto& options) { options.stop = &stop; }, "cancelled");
}

BOOST_AUTO_TEST_CASE(owners_modes_times_links_and_xattrs_are_kept) {
    TarBuilder tar;
    tar.folder("d/", 02775);
    tar.add({.path = "d/suid", .content = "s", .mode = 04755, .uid = 7, .gid = 8});
    tar.pax("SCHILY.xattr.security.capability",
            std::string(
                "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                20));
    tar.file("d/cap");
    tar.pax("SCHILY.xattr.trusted.overlay.opaque", "y").folder("smuggled/");
    tar.pax("mtime", "1500000000.25").file("timed");
    tar.add({.path = "d/hard", .type = '1', .link = "d/suid"});
    tar.add({.path = "soft", .type = '2', .link = "/nowhere", .uid = 3});
    tar.add({.path = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3});
    tar.add({.path = "pipe", .type = '6', .mode = 0640});
    ScratchFolder scratch;
    auto made = unpack(scratch, tar.done());
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
    struct stat suid = status(scratch.at("diff/d/suid"));
    BOOST_TEST((suid.st_mode & 07777) == 04755u);
    BOOST_TEST(suid.st_uid == 7u);
    BOOST_TEST(suid.st_gid == 8u);
    BOOST_TEST(status(scratch.at("diff/d/hard")).st_ino == suid.st_ino);
    BOOST_TEST((status(scratch.at("diff/d")).st_mode & 07777) == 02775u);
    BOOST_TEST(status(scratch.at("diff/d")).st_mtim.tv_sec == 1'500'000'000);
    BOOST_TEST(status(scratch.at("diff/timed")).st_mtim.tv_nsec == 250'000'000);
    BOOST_TEST(status(scratch.at("diff/soft")).st_uid == 3u);
    BOOST_TEST(status(scratch.at("diff/null")).st_rdev == makedev(1, 3));
    BOOST_TEST(S_ISFIFO(status(scratch.at("diff/pipe")).st_mode));
    char value[64];
    BOOST_TEST(::getxattr(scratch.at("diff/d/cap").c_str(), "security.capability", value,
                          sizeof value) == 20);
    BOOST_TEST(::getxattr(scratch.at("diff/smuggled").c_str(), "trusted.overlay.opaque", value,
                          sizeof value) < 0);
}

BOOST_AUTO_TEST_CASE(nothing_leaves_the_folder) {
    ScratchFolder canary;
    const std::string out = canary.path();
    auto try_all = [&](const TarBuilder& tar) {
        ScratchFolder scratch;
        auto made = unpack(scratch, tar.done());
        BOOST_TEST(std::filesystem::is_empty(out));
        BOOST_TEST((status(out).st_mode & 07777) == 0700u);
        BOOST_TEST(!exists(scratch.at("escaped")));
        return static_cast<bool>(made);
    };
    BOOST_TEST(!try_all(TarBuilder().file("../escaped")));
    BOOST_TEST(!try_all(TarBuilder().file("a/../../escaped")));
    BOOST_TEST(try_all(TarBuilder().file(out + "/x")));  // absolute: below the layer's own root
    // A link, then writing through it: the link is replaced by a folder.
    BOOST_TEST(try_all(TarBuilder().add({.path = "l", .type = '2', .link = out}).file("l/x")));
    BOOST_TEST(
        try_all(TarBuilder().add({.path = "l", .type = '2', .link = out}).folder("l/", 0777)));
    BOOST_TEST(try_all(TarBuilder().add({.path = "l", .type = '2', .link = out}).file("l/.wh.x")));
    // Hard links: to the outside, through a link, to a link and then written.
    BOOST_TEST(
        !try_all(TarBuilder().add({.path = "h", .type = '1', .link = "../../../etc/passwd"})));
    BOOST_TEST(!try_all(TarBuilder()
                            .add({.path = "l", .type = '2', .link = "/etc"})
                            .add({.path = "h", .type = '1', .link = "l/passwd"})));
    BOOST_TEST(try_all(TarBuilder()
                           .add({.path = "l", .type = '2', .link = out + "/new"})
                           .add({.path = "h", .type = '1', .link = "l"})
                           .file("h")));
    BOOST_TEST(!try_all(TarBuilder().add({.path = "h", .type = '1', .link = "missing"})));
}

BOOST_AUTO_TEST_CASE(whiteouts_become_overlayfs_ones) {
    TarBuilder tar;
    tar.folder("d/")
        .file("d/.wh.gone", "")
        .file("d/.wh..wh..opq", "")
        .file(".wh..wh.plnk/1.2", "")
        .file("kept")
        .file(".wh.kept", "");
    tar.file(".wh.again", "").folder("again/").file("again/new");
    ScratchFolder scratch;
    auto made = unpack(scratch, tar.done());
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
    struct stat gone = status(scratch.at("diff/d/gone"));
    BOOST_TEST(S_ISCHR(gone.st_mode));
    BOOST_TEST(gone.st_rdev == 0u);
    char value[8];
    BOOST_TEST(::getxattr(scratch.at("diff/d").c_str(), "trusted.overlay.opaque", value,
                          sizeof value) == 1);
    BOOST_TEST(::getxattr(scratch.at("diff/again").c_str(), "trusted.overlay.opaque", value,
                          sizeof value) == 1);
    BOOST_TEST(S_ISREG(status(scratch.at("diff/kept")).st_mode));
    BOOST_TEST(!exists(scratch.at("diff/.wh..wh.plnk")));
    BOOST_TEST(!made->opaque_root);
    ScratchFolder second;
    auto root = unpack(second, TarBuilder().file(".wh..wh..opq", "").file("x").done());
    BOOST_REQUIRE(root);
    BOOST_TEST(root->opaque_root);
    for (const char* bad : {".wh.", ".wh..", ".wh...", ".wh.x/y"}) {
        ScratchFolder third;
        BOOST_TEST(!unpack(third, TarBuilder().file(bad, "").done()), bad);
    }
    ScratchFolder fourth;
    BOOST_TEST(!unpack(fourth, TarBuilder().add({.path = "fake", .type = '3'}).done()));
}

BOOST_AUTO_TEST_CASE(the_last_entry_of_a_name_wins) {
    support::TarEntry kinds[] = {{.path = "n", .content = "file"},
                                 {.path = "n/", .type = '5', .mode = 0755},
                                 {.path = "n", .type = '2', .link = "/x"},
                                 {.path = "n", .type = '6'}};
    for (const auto& first : kinds)
        for (const auto& second : kinds) {
            ScratchFolder scratch;
            TarBuilder tar;
            tar.add(first);
            if (first.type == '5') tar.file("n/inside");
            auto made = unpack(scratch, tar.add(second).done());
            BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
            mode_t kind = status(scratch.at("diff/n")).st_mode & S_IFMT;
            mode_t wanted = second.type == '0'   ? S_IFREG
                            : second.type == '5' ? S_IFDIR
                            : second.type == '2' ? S_IFLNK
                                                 : S_IFIFO;
            BOOST_TEST(kind == wanted);
            if (second.type == '0') BOOST_TEST(scratch.read("diff/n") == "file");
        }
}

BOOST_AUTO_TEST_CASE(folders_without_an_entry_are_reported) {
    ScratchFolder scratch;
    auto made = unpack(scratch, TarBuilder().file("a/b/c").folder("a/d/").done());
    BOOST_REQUIRE(made);
    BOOST_TEST((made->implied == std::vector<std::string>{"", "a", "a/b"}));
}

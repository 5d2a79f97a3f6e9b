// Every tar that unpacks comes back byte for byte from its folder and its skeleton; damage is found
// and named. Needs root.
#include "store/layer_tar.h"
#include "store/unpack.h"
#include "support/scratch_folder.h"
#include "support/tar_builder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using support::ScratchFolder;
using support::TarBuilder;

namespace {

Result<store::Unpacked> unpack(const ScratchFolder& scratch, std::string_view tar) {
    TRY(Fd staging, sys::open_folder(scratch.path()));
    TRY(store::Unpacker unpacker, store::Unpacker::create(std::move(staging), {}));
    for (; !tar.empty(); tar.remove_prefix(std::min<std::size_t>(777, tar.size())))
        TRY_DO(unpacker.feed(tar.substr(0, 777)));
    return unpacker.finish();
}

Result<std::string> read_back(const ScratchFolder& scratch, const std::string& diff_id,
                              std::size_t piece) {
    TRY(Fd layer, sys::open_folder(scratch.path()));
    TRY(store::LayerTar tar, store::LayerTar::open(std::move(layer), diff_id));
    std::string out, buffer(piece, '\0');
    for (;;) {
        TRY(std::size_t got, tar.read(buffer.data(), piece));
        if (got == 0) return out;
        out.append(buffer, 0, got);
    }
}

std::string pattern(std::size_t size, unsigned seed) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>((i * 31 + seed) % 251);
    return text;
}

// GNU's old form: a map of four in the header, one more block of it, then the parts.
std::string old_sparse() {
    std::string stored = pattern(512, 1) + pattern(512, 2) + pattern(100, 3);
    TarBuilder tar;
    std::string made = tar.add({.path = "sparse", .type = '0', .content = stored}).done();
    made[156] = 'S';
    std::memcpy(made.data() + 257, "ustar  \0", 8);
    auto number = [&](std::size_t at, std::size_t value) {
        std::snprintf(made.data() + at, 12, "%011zo", value);
    };
    number(386, 0), number(398, 512), number(410, 8192), number(422, 512);
    number(434, 100000), number(446, 100), number(483, 200000);
    std::memset(made.data() + 345, 0, 41);
    std::memset(made.data() + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; ++i)
        sum += static_cast<unsigned char>(made[static_cast<std::size_t>(i)]);
    std::snprintf(made.data() + 148, 7, "%06o", sum);
    return made;
}

struct Case {
    std::string name, tar;
};

std::vector<Case> cases() {
    std::string big = pattern(300'000, 7), other = pattern(70'001, 9);
    std::vector<Case> all;
    auto add = [&](std::string name, std::string tar) {
        all.push_back({std::move(name), std::move(tar)});
    };
    add("nothing", TarBuilder().done());
    add("files", TarBuilder().folder("a/").file("a/big", big).file("a/empty", "").done());
    add("only implied folders", TarBuilder().file("x/y/z", big).done());
    add("no end", TarBuilder().file("a", other).done().substr(0, 512 + 70'144));
    add("odd bytes behind the end", TarBuilder().file("a", other).done() + pattern(100'123, 4));
    add("extended headers", TarBuilder()
                                .pax("path", std::string(200, 'n'))
                                .file("short", big)
                                .pax("SCHILY.xattr.security.selinux", "dropped")
                                .file("b", "1")
                                .done());
    add("odd names", TarBuilder().file("./a//b/../c", big).file("/abs", other).done());
    add("whiteouts with content", TarBuilder()
                                      .file("etc/.wh.passwd", other)
                                      .file("etc/.wh..wh..opq", "content")
                                      .file(".wh..wh.aufs", big)
                                      .file("etc/x", "x")
                                      .done());
    add("a file twice", TarBuilder().file("a", big).file("a", other).file("a", "").done());
    add("a file thrice, the first again",
        TarBuilder().file("a", big).file("a", other).file("a", big).done());
    add("a link over a file, a file over the link",
        TarBuilder()
            .file("a", big)
            .add({.path = "b", .type = '1', .link = "a"})
            .file("b", other)
            .file("a", "new")
            .done());
    add("hard link, then its file replaced", TarBuilder()
                                                 .file("a", big)
                                                 .add({.path = "b", .type = '1', .link = "a"})
                                                 .file("a", other)
                                                 .add({.path = "b", .type = '2', .link = "a"})
                                                 .done());
    add("a folder with files replaced", TarBuilder()
                                            .file("d/.dot", big)
                                            .file("d/e/f", other)
                                            .file("d", "file now")
                                            .file("d/e/f", "folder again")
                                            .done());
    add("special files",
        TarBuilder()
            .add({.path = "fifo", .type = '6'})
            .add({.path = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3})
            .add({.path = "link", .type = '2', .link = "/etc/passwd"})
            .done());
    add("old sparse", old_sparse());
    add("sparse 0.1", TarBuilder()
                          .pax("GNU.sparse.size", "100000")
                          .pax("GNU.sparse.map", "0,512,8192,1000")
                          .file("first", pattern(1512, 8))
                          .file("second", other)
                          .done());
    std::string map = "2\n512\n1000\n90000\n100\n";
    map.resize(512, '\0');
    add("sparse 1.0", TarBuilder()
                          .pax("GNU.sparse.major", "1")
                          .pax("GNU.sparse.minor", "0")
                          .pax("GNU.sparse.realsize", "100000")
                          .file("first", map + pattern(1100, 8))
                          .done());
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_tar_comes_back_as_it_was) {
    for (const Case& each : cases()) {
        BOOST_TEST_CONTEXT(each.name) {
            for (std::size_t piece : {65536, 511}) {
                ScratchFolder scratch;
                auto unpacked = unpack(scratch, each.tar);
                BOOST_REQUIRE_MESSAGE(unpacked, unpacked.error().message());
                auto back = read_back(scratch, unpacked->diff_id, piece);
                BOOST_REQUIRE_MESSAGE(back, back.error().message());
                BOOST_TEST((*back == each.tar));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_an_error_that_names_it) {
    ScratchFolder scratch;
    std::string tar = TarBuilder().file("a", pattern(5000, 1)).file("b/c", pattern(9, 2)).done();
    auto unpacked = unpack(scratch, tar);
    BOOST_REQUIRE(unpacked);
    Fd file(::open((scratch.path() + "/diff/b/c").c_str(), O_WRONLY));
    BOOST_REQUIRE(::pwrite(file.get(), "#", 1, 3) == 1);
    auto back = read_back(scratch, unpacked->diff_id, 4096);
    BOOST_REQUIRE(!back);
    BOOST_TEST(back.error().message().find("file b/c is not what it was") != std::string::npos);
    BOOST_REQUIRE(::truncate((scratch.path() + "/diff/a").c_str(), 4999) == 0);
    auto shorter = read_back(scratch, unpacked->diff_id, 4096);
    BOOST_REQUIRE(!shorter);
    BOOST_TEST(shorter.error().message().find("file a is too short") != std::string::npos);
    // For a check: all of them.
    auto layer = sys::open_folder(scratch.path());
    auto reader = store::LayerTar::open(std::move(*layer), unpacked->diff_id);
    BOOST_REQUIRE(reader);
    reader->collect_damaged();
    std::string buffer(1000, '\0');
    for (;;) {
        auto got = reader->read(buffer.data(), buffer.size());
        BOOST_REQUIRE_MESSAGE(got, got.error().message());
        if (*got == 0) break;
    }
    BOOST_TEST((reader->damaged() == std::vector<std::string>{"a", "b/c"}));
}

BOOST_AUTO_TEST_CASE(a_wrong_diff_id_is_told_at_the_end) {
    ScratchFolder scratch;
    BOOST_REQUIRE(unpack(scratch, TarBuilder().file("a", "1").done()));
    BOOST_TEST(!read_back(scratch, "sha256:" + std::string(64, '0'), 4096));
}

BOOST_AUTO_TEST_CASE(a_damaged_skeleton_is_an_error) {
    ScratchFolder scratch;
    auto unpacked = unpack(scratch, TarBuilder().file("a", pattern(3000, 5)).done());
    BOOST_REQUIRE(unpacked);
    std::string path = scratch.path() + "/skeleton";
    auto whole = sys::read_file(path, 1 << 20);
    BOOST_REQUIRE(whole);
    for (std::size_t at = 0; at < whole->size(); ++at) {
        Fd file(::open(path.c_str(), O_WRONLY | O_TRUNC));
        std::string bad = *whole;
        bad[at] = static_cast<char>(bad[at] ^ 0x41);
        BOOST_REQUIRE(sys::write_all(file, bad, "x"));
        // The frame's own checksum is part of what may be changed without harm to the tar.
        auto back = read_back(scratch, unpacked->diff_id, 4096);
        BOOST_TEST((!back || at >= whole->size() - 4 || at < 8));
        Fd cut(::open(path.c_str(), O_WRONLY | O_TRUNC));
        BOOST_REQUIRE(sys::write_all(cut, std::string_view(*whole).substr(0, at), "x"));
        auto shorter = read_back(scratch, unpacked->diff_id, 4096);
        BOOST_TEST((!shorter || at >= whole->size() - 4));
    }
}

BOOST_AUTO_TEST_CASE(a_layer_without_skeleton_says_so) {
    ScratchFolder scratch;
    auto unpacked = unpack(scratch, TarBuilder().file("a").done());
    BOOST_REQUIRE(unpacked);
    BOOST_REQUIRE(::unlink((scratch.path() + "/skeleton").c_str()) == 0);
    auto back = read_back(scratch, unpacked->diff_id, 4096);
    BOOST_REQUIRE(!back);
    BOOST_TEST((back.error().kind() == Kind::unsupported));
}

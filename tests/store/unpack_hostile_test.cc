// Hostile layers, row by row (security-cases section 3): what they become, or that they are refused,
// and that nothing outside their folder changes. Needs root.
#include "layer_support.h"
#include "store/layers.h"
#include "store/sha256.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <fcntl.h>
#include <linux/magic.h>
#include <random>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace layer_support;
using support::TarEntry;

namespace {

std::string words(const Result<store::Unpacked>& made) {
    return made ? "" : made.error().message();
}

bool has_xattr(const std::string& path, const char* name) {
    char value[256];
    return ::lgetxattr(path.c_str(), name, value, sizeof value) >= 0;
}

// A header as bytes, to be spoilt; `fix` puts the checksum right again.
struct Header {
    std::string block;
    explicit Header(const TarEntry& entry)
        : block(TarBuilder().add(entry).done().substr(0, 512)) {}
    Header& set(std::size_t at, std::string_view bytes) {
        block.replace(at, bytes.size(), bytes);
        return *this;
    }
    Header& fix() {
        block.replace(148, 8, 8, ' ');
        unsigned sum = 0;
        for (char byte : block)
            sum += static_cast<unsigned char>(byte);
        char text[8];
        std::snprintf(text, sizeof text, "%06o", sum);
        block.replace(148, 7, text, 7);
        return *this;
    }
    std::string layer(std::string_view content = {}) const {
        return block + std::string(content) + std::string((512 - content.size() % 512) % 512, '\0') +
               std::string(1024, '\0');
    }
};

std::uint64_t resident_kib_max() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss);
}

// A line of /proc/self/status, in KiB.
std::uint64_t status_kib(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (std::uint64_t kib = 0; word == name + ":" && status >> kib) return kib;
    return 0;
}

// Of a file: pages in the page cache, mincore(2).
std::uint64_t cached_bytes(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    auto size = static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END));
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    BOOST_REQUIRE(mapped != MAP_FAILED);
    constexpr std::size_t page = 4096;
    std::vector<unsigned char> there((size + page - 1) / page);
    BOOST_TEST(::mincore(mapped, size, there.data()) == 0);
    ::munmap(mapped, size);
    auto in_memory = [](unsigned char each) { return (each & 1) != 0; };
    return page * static_cast<std::uint64_t>(std::ranges::count_if(there, in_memory));
}

// unpack() in flat memory: what the process grows by meanwhile, whatever it held before.
Result<store::Unpacked> unpack_flat(const ScratchFolder& scratch, const std::string& bytes,
                                    store::UnpackOptions options = {}) {
    std::ofstream("/proc/self/clear_refs") << 5;  // proc(5): the peak starts at what is held now
    std::uint64_t before = status_kib("VmRSS");
    auto made = unpack(scratch, bytes, std::move(options));
    BOOST_TEST(before > 0u);
    BOOST_TEST(status_kib("VmHWM") - before < 32u * 1024);
    return made;
}

// Compresses `size` bytes of zeros without holding them.
std::string zstd_zeros(std::uint64_t size, int window_log = 0) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    if (window_log != 0) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    }
    std::string out, piece(1 << 20, '\0'), room(1 << 20, '\0');
    for (std::uint64_t done = 0; done < size || size == 0; done += piece.size()) {
        bool last = done + piece.size() >= size;
        ZSTD_inBuffer in{piece.data(), piece.size(), 0};
        for (std::size_t left = 1; left != 0 || in.pos < in.size;) {
            ZSTD_outBuffer to{room.data(), room.size(), 0};
            left = ZSTD_compressStream2(context, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
            out.append(room.data(), to.pos);
            if (!last && in.pos == in.size) break;
        }
        if (last) break;
    }
    ZSTD_freeCCtx(context);
    return out;
}

}  // namespace

// T1
BOOST_AUTO_TEST_CASE(names_are_cleaned_or_refused) {
    struct Case {
        const char* path;
        const char* becomes;  // null: refused
    };
    const Case cases[] = {{"./a", "a"},          {"/a", "a"},         {"//a//b", "a/b"},
                          {"a/./b", "a/b"},      {"a/../b", "b"},     {"a/b/../../c", "c"},
                          {"../a", nullptr},     {"a/../../b", nullptr}, {"/..", nullptr},
                          {"./../a", nullptr},   {"..", nullptr},     {"", nullptr},
                          {".", nullptr},        {"/", nullptr}};
    for (const Case& one : cases) {
        ScratchFolder scratch;
        auto made = unpack(scratch, TarBuilder().add({.path = one.path, .content = "in"}).done());
        BOOST_TEST(static_cast<bool>(made) == (one.becomes != nullptr), one.path << words(made));
        if (one.becomes) BOOST_TEST(scratch.read(std::string("diff/") + one.becomes) == "in");
        for (const auto& each : std::filesystem::directory_iterator(scratch.path()))
            BOOST_TEST((each.path().filename() == "diff" || each.path().filename() == "skeleton"));
    }
}

BOOST_AUTO_TEST_CASE(the_root_changes_its_mode_and_not_its_type) {
    for (const char* root : {"./", "/", ".", "a/.."}) {
        ScratchFolder scratch;
        auto made = unpack(scratch, TarBuilder()
                                        .add({.path = root, .type = '5', .mode = 01711, .uid = 5})
                                        .file("x")
                                        .done());
        BOOST_REQUIRE_MESSAGE(made, root << words(made));
        BOOST_TEST((status(scratch.at("diff")).st_mode & 07777) == 01711u);
        BOOST_TEST(status(scratch.at("diff")).st_uid == 5u);
        BOOST_TEST(status(scratch.at("diff")).st_mtim.tv_sec == 1'500'000'000);
        for (char type : {'0', '1', '2', '3', '6'}) {
            // As old as tar itself: a file whose name ends in a slash is a folder.
            if (type == '0' && std::string_view(root).ends_with('/')) continue;
            ScratchFolder second;
            BOOST_TEST(!unpack(second,
                               TarBuilder().add({.path = root, .type = type, .link = "/etc"}).done()),
                       root << type);
        }
    }
}

// T2: {folder, link, file, hard link} in every order, then something through the name.
BOOST_AUTO_TEST_CASE(CVE_2014_6407_CVE_2021_29136_CVE_2025_47290_links_lead_nowhere) {
    ScratchFolder canary;
    const std::string out = canary.path();
    std::filesystem::create_directory(out + "/kept");
    auto before = status(out + "/kept");
    std::vector<TarEntry> kinds = {
        {.path = "n/", .type = '5', .mode = 0755},
        {.path = "n", .type = '2', .link = out},
        {.path = "n", .type = '2', .link = std::string("../../../../../../..") + out},
        {.path = "n", .content = "file"},
        {.path = "n", .type = '1', .link = "o"}};
    std::vector<TarEntry> after = {
        {.path = "n/kept/written", .content = "bad"},
        {.path = "n/kept", .type = '5', .mode = 0777},
        {.path = "n/h", .type = '1', .link = "n/kept/missing"},
        {.path = "n/.wh.kept"},
        {.path = "n/kept/.wh..wh..opq"},
        {.path = "n/kept", .type = '2', .link = "/"},
        {.path = "n", .type = '5', .mode = 0777},
        {.path = "n", .content = "over"}};
    std::vector<std::size_t> order{0, 1, 2, 3, 4};
    do {
        for (const TarEntry& last : after) {
            ScratchFolder scratch;
            TarBuilder tar;
            tar.add({.path = "o", .type = '2', .link = out + "/new"});
            for (std::size_t i : {order[0], order[1]})
                tar.add(kinds[i]);
            (void)unpack(scratch, tar.add(last).done());
            auto now = status(out + "/kept");
            BOOST_REQUIRE(now.st_mode == before.st_mode);
            BOOST_REQUIRE(now.st_nlink == before.st_nlink);
            BOOST_REQUIRE(now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
            BOOST_REQUIRE(std::filesystem::is_empty(out + "/kept"));
            BOOST_REQUIRE(!exists(out + "/new"));
        }
    } while (std::ranges::next_permutation(order).found);
}

BOOST_AUTO_TEST_CASE(a_hard_link_then_written_leaves_its_target_alone) {
    ScratchFolder scratch;
    auto made = unpack(scratch, TarBuilder()
                                    .file("first", "1")
                                    .add({.path = "second", .type = '1', .link = "first"})
                                    .file("second", "2")
                                    .done());
    BOOST_REQUIRE_MESSAGE(made, words(made));
    BOOST_TEST(scratch.read("diff/first") == "1");
    BOOST_TEST(scratch.read("diff/second") == "2");
}

// T3: the exact tree of every whiteout.
BOOST_AUTO_TEST_CASE(CVE_2026_95838_whiteouts_hide_what_is_below_and_nothing_else) {
    struct Case {
        std::vector<TarEntry> entries;
        std::function<void(const ScratchFolder&)> look;  // null: refused
    };
    auto is_whiteout = [](const ScratchFolder& scratch, const std::string& name) {
        struct stat info = status(scratch.at("diff/" + name));
        return S_ISCHR(info.st_mode) && info.st_rdev == 0;
    };
    TarEntry folder{.path = "d/", .type = '5', .mode = 0755};
    std::vector<Case> cases;
    cases.push_back({{{.path = ".wh.missing"}},
                     [&](auto& s) { BOOST_TEST(is_whiteout(s, "missing")); }});
    cases.push_back({{folder, {.path = "d/own"}, {.path = "d/.wh.own"}}, [&](auto& s) {
                         BOOST_TEST(S_ISREG(status(s.at("diff/d/own")).st_mode));
                     }});
    cases.push_back({{{.path = ".wh.own"}, {.path = "own", .content = "new"}},
                     [&](auto& s) { BOOST_TEST(s.read("diff/own") == "new"); }});
    cases.push_back({{{.path = ".wh.a"}, {.path = ".wh.a"}},
                     [&](auto& s) { BOOST_TEST(is_whiteout(s, "a")); }});
    // An opaque marker early, late and repeated hides the folder's lower half only.
    for (int place = 0; place < 3; ++place) {
        std::vector<TarEntry> entries{folder};
        TarEntry marker{.path = "d/.wh..wh..opq"};
        if (place != 1) entries.push_back(marker);
        entries.push_back({.path = "d/own"});
        if (place != 0) entries.push_back(marker);
        cases.push_back({entries, [&](auto& s) {
                             BOOST_TEST(has_xattr(s.at("diff/d"), "trusted.overlay.opaque"));
                             BOOST_TEST(exists(s.at("diff/d/own")));
                             BOOST_TEST(!exists(s.at("diff/d/.wh..wh..opq")));
                         }});
    }
    // Through a link: the link is this layer's and becomes a folder; the target stays.
    cases.push_back({{folder, {.path = "l", .type = '2', .link = "d"}, {.path = "l/.wh.x"}},
                     [&](auto& s) {
                         BOOST_TEST(S_ISDIR(status(s.at("diff/l")).st_mode));
                         BOOST_TEST(!exists(s.at("diff/d/x")));
                         BOOST_TEST(is_whiteout(s, "l/x"));
                     }});
    // aufs's own files.
    cases.push_back({{{.path = ".wh..wh.aufs"}, {.path = ".wh..wh.orph/x"}, {.path = ".wh..wh.plnk/1"}},
                     [&](auto& s) { BOOST_TEST(std::filesystem::is_empty(s.at("diff"))); }});
    for (const char* bad : {".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh...", ".wh.d/x", "d/.wh.x/y"})
        cases.push_back({{folder, {.path = bad}}, nullptr});
    cases.push_back({{{.path = ".wh.x", .type = '5', .mode = 0755}}, nullptr});
    cases.push_back({{{.path = ".wh.x", .type = '2', .link = "/"}}, nullptr});
    for (std::size_t i = 0; i < cases.size(); ++i)
        BOOST_TEST_CONTEXT("case " << i) {
            ScratchFolder scratch;
            TarBuilder tar;
            for (const TarEntry& entry : cases[i].entries)
                tar.add(entry);
            auto made = unpack(scratch, tar.done());
            BOOST_TEST(static_cast<bool>(made) == static_cast<bool>(cases[i].look), words(made));
            if (made && cases[i].look) cases[i].look(scratch);
        }
}

// Quadratic work would take minutes here.
BOOST_AUTO_TEST_CASE(markers_and_replaced_folders_cost_no_more_than_other_entries) {
    std::clock_t begin = std::clock();
    TarBuilder tar;
    tar.folder("d/");
    for (int i = 0; i < 20'000; ++i)
        tar.file("d/.wh..wh..opq", "");
    for (int i = 0; i < 3000; ++i)
        tar.folder("f" + std::to_string(i) + "/");
    for (int i = 0; i < 10'000; ++i)
        tar.file("r", "").folder("r/");
    ScratchFolder scratch;
    auto made = unpack(scratch, tar.done());
    BOOST_REQUIRE_MESSAGE(made, words(made));
    BOOST_TEST((std::clock() - begin) / CLOCKS_PER_SEC < 15);
}

// T4, T5
BOOST_AUTO_TEST_CASE(only_image_data_becomes_an_xattr) {
    TarBuilder tar;
    const char* dropped[] = {"trusted.overlay.opaque",   "trusted.overlay.redirect",
                             "trusted.overlay.metacopy", "user.overlay.opaque",
                             "user.overlay.whiteout",    "security.selinux",
                             "security.ima",             "security.evm",
                             "trusted.x",                "system.posix_acl_access",
                             "system.x",                 "nonsense"};
    for (const char* name : dropped)
        tar.pax("SCHILY.xattr." + std::string(name), "y").folder(std::string(name) + "/");
    tar.pax("SCHILY.xattr.user.kept", std::string("a\0b", 3)).file("kept");
    ScratchFolder scratch;
    auto made = unpack(scratch, tar.done());
    BOOST_REQUIRE_MESSAGE(made, words(made));
    for (const char* name : dropped)
        BOOST_TEST(!has_xattr(scratch.at(std::string("diff/") + name), name), name);
    char value[8];
    BOOST_TEST(::getxattr(scratch.at("diff/kept").c_str(), "user.kept", value, sizeof value) == 3);
    // A capability of a length the kernel does not know.
    ScratchFolder second;
    BOOST_TEST(!unpack(second, TarBuilder()
                                   .pax("SCHILY.xattr.security.capability", "short")
                                   .file("f")
                                   .done()));
    ScratchFolder third;
    BOOST_TEST(!unpack(third, TarBuilder().add({.path = "zero", .type = '3'}).done()));
}

// T6: an open(2) of a FIFO would wait for ever.
BOOST_AUTO_TEST_CASE(special_files_are_data_and_never_opened) {
    ::alarm(60);
    ScratchFolder scratch;
    TarBuilder tar;
    tar.add({.path = "disk", .type = '4', .mode = 0660, .major = 8, .minor = 0});
    tar.add({.path = "p", .type = '6', .mode = 04755, .uid = 3});
    tar.add({.path = "q", .type = '1', .link = "p"}).file("p", "over");
    tar.add({.path = "f", .type = '6'}).folder("f/").file("f/in");
    tar.add({.path = "g", .type = '6'}).file(".wh.g");
    auto made = unpack(scratch, tar.done());
    ::alarm(0);
    BOOST_REQUIRE_MESSAGE(made, words(made));
    BOOST_TEST(S_ISBLK(status(scratch.at("diff/disk")).st_mode));
    BOOST_TEST(status(scratch.at("diff/disk")).st_rdev == makedev(8, 0));
    BOOST_TEST(S_ISFIFO(status(scratch.at("diff/q")).st_mode));
    BOOST_TEST((status(scratch.at("diff/q")).st_mode & 07777) == 04755u);
    BOOST_TEST(scratch.read("diff/p") == "over");
    BOOST_TEST(exists(scratch.at("diff/f/in")));
}

// T7
BOOST_AUTO_TEST_CASE(CVE_2025_58183_crafted_headers_are_errors_with_flat_memory) {
    TarEntry plain{.path = "f", .content = ""};
    std::string base256_huge("\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    std::string base256_negative("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
    std::vector<std::pair<std::string, std::string>> refused = {
        {"bad checksum", Header(plain).set(0, "g").layer()},
        {"huge size", Header(plain).set(124, base256_huge).fix().layer()},
        {"negative size", Header(plain).set(124, base256_negative).fix().layer()},
        {"octal garbage", Header(plain).set(124, "0000000009x").fix().layer()},
        {"minus sign", Header(plain).set(124, "-0000000001").fix().layer()},
        {"uid beyond 32 bit", Header(plain).set(108, std::string("\x80\0\0\x01\0\0\0\0", 8)).fix().layer()},
        {"size without content", Header(plain).set(124, "00000010000").fix().layer()},
        {"unknown type", Header({.path = "f", .type = '9'}).layer()},
        {"NUL in a PAX path", TarBuilder().pax("path", std::string("a\0b", 3)).file("f").done()},
        {"NUL in a PAX link", TarBuilder()
                                  .pax("linkpath", std::string("a\0b", 3))
                                  .add({.path = "l", .type = '2'})
                                  .done()},
        {"long component", TarBuilder().pax("path", std::string(256, 'a')).file("f").done()},
        {"long path", [] {
             std::string path;
             while (path.size() < 4200)
                 path += "component/";
             return TarBuilder().pax("path", path + "f").file("f").done();
         }()},
        {"huge PAX header", Header({.path = "pax", .type = 'x'}).set(124, "77777777777").fix().layer()},
        {"huge GNU name", Header({.path = "n", .type = 'L'}).set(124, "77777777777").fix().layer()},
        {"PAX record past its end", TarBuilder().add({.path = "pax", .type = 'x', .content = "99 a=b\n"}).file("f").done()},
        {"PAX size lies", TarBuilder().pax("size", "99999999999999999999").file("f").done()},
        {"sparse numbers", TarBuilder()
                               .pax("GNU.sparse.map", "0,99999999999999999999")
                               .pax("GNU.sparse.size", "10")
                               .file("f")
                               .done()},
    };
    std::uint64_t before = resident_kib_max();
    for (const auto& [name, bytes] : refused) {
        ScratchFolder scratch;
        auto made = unpack(scratch, bytes);
        BOOST_TEST(!made, name);
        if (!made) BOOST_TEST((made.error().kind() != Kind::internal), name << words(made));
    }
    // A sparse map of as many parts as a megabyte can name, and one more.
    std::string map;
    for (int i = 0; i < 200'000; ++i)
        map += std::to_string(i) + ",0,";
    ScratchFolder scratch;
    (void)unpack(scratch, TarBuilder()
                              .pax("GNU.sparse.size", "1000000")
                              .pax("GNU.sparse.map", map)
                              .file("f", "")
                              .done());
    BOOST_TEST(resident_kib_max() - before < 64u * 1024);
    // Defined values: times beyond range are taken as far as they go, deep trees are fine.
    std::string deep;
    for (int i = 0; i < 1500; ++i)
        deep += "d/";
    ScratchFolder second;
    auto made = unpack(second, TarBuilder()
                                   .pax("path", deep)
                                   .folder("d/")
                                   .pax("mtime", "-1.5")
                                   .file("old")
                                   .done());
    BOOST_REQUIRE_MESSAGE(made, words(made));
    BOOST_TEST(status(second.at("diff/old")).st_mtim.tv_sec <= -1);
}

// T8
BOOST_AUTO_TEST_CASE(CVE_2017_14992_bombs_end_at_a_named_limit_with_flat_memory) {
    auto limited = [](std::uint64_t bytes) {
        store::UnpackOptions options;
        options.limits.unpacked_bytes_max = bytes;
        return options;
    };
    // A file of zeros that a few kilobytes unpack to: 64 GiB by its header.
    std::string head = TarBuilder().add({.path = "zeros"}).done().substr(0, 512);
    head = Header({.path = "zeros"}).set(124, std::string("\x80\0\0\0\0\0\0\x10\0\0\0\0", 12)).fix().block;
    for (const std::string& bomb : {zstd(head) + zstd_zeros(256 << 20), gzip(head + std::string(200 << 20, '\0'))}) {
        ScratchFolder scratch;
        auto made = unpack_flat(scratch, bomb, limited(64 << 20));
        BOOST_REQUIRE(!made);
        BOOST_TEST((made.error().kind() == Kind::too_large));
        BOOST_TEST(words(made).find("more than 67108864 bytes") != std::string::npos, words(made));
        std::uint64_t on_disk = 0;
        for (const auto& each : std::filesystem::recursive_directory_iterator(scratch.path()))
            if (each.is_regular_file()) on_disk += each.file_size();
        BOOST_TEST(on_disk <= 64u << 20);
    }
    // More than 2,000 times its size: beyond the first gigabyte that is a bomb whatever the limits.
    {
        ScratchFolder scratch;
        std::string piece = zstd_zeros(512 << 20);
        auto made = unpack_flat(scratch, zstd(std::string(512, '\0')) + piece + piece + piece);
        BOOST_REQUIRE(!made);
        BOOST_TEST(words(made).find("more than 2000 times its size") != std::string::npos, words(made));
    }
    // Holes: a sparse file of 8 EiB costs its header.
    {
        ScratchFolder scratch;
        auto made = unpack_flat(scratch, TarBuilder()
                                        .pax("GNU.sparse.map", "0,0")
                                        .pax("GNU.sparse.size", "9000000000000000000")
                                        .file("holes", "")
                                        .done());
        BOOST_TEST(!made);
    }
    // A window larger than 128 MiB is not even tried.
    {
        ScratchFolder scratch;
        auto made = unpack_flat(scratch, zstd_zeros(4 << 20, 28));
        BOOST_REQUIRE(!made);
        BOOST_TEST(words(made).find("zstd") != std::string::npos, words(made));
    }
    // Many empty members and frames, skippable ones too: time linear, nothing unpacked.
    {
        std::string tar = TarBuilder().file("f").done();
        std::string empty = gzip(""), many;
        for (int i = 0; i < 50'000; ++i)
            many += empty;
        ScratchFolder scratch, second;
        BOOST_TEST(!!unpack_flat(scratch, many + gzip(tar) + many));
        std::string skip("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12), frames;
        for (int i = 0; i < 50'000; ++i)
            frames += skip;
        auto made = unpack_flat(second, frames + zstd(tar) + frames);
        BOOST_TEST(static_cast<bool>(made), words(made));
    }
}

// T9
BOOST_AUTO_TEST_CASE(a_layer_cut_anywhere_is_an_error_and_what_follows_it_does_not_matter) {
    std::string content(5000, '\0');
    std::minstd_rand random(3);
    for (char& byte : content)
        byte = static_cast<char>(random());
    std::string tar = TarBuilder().folder("a/").file("a/b", content).file("c").done();
    for (const std::string& whole : {tar, gzip(tar), zstd(tar)}) {
        // The two blocks of zeros at the end of a tar may be missing: some writers leave them out.
        std::size_t last = whole == tar ? tar.size() - 1024 - 1 : whole.size() - 1;
        for (std::size_t size = 0; size < last; size += 512) {
            ScratchFolder scratch;
            store::UnpackOptions options;
            options.diff_id = store::sha256_digest(tar);
            BOOST_TEST(!unpack(scratch, whole.substr(0, size), options), size);
        }
        for (int i = 0; i < 50; ++i) {
            ScratchFolder scratch;
            store::UnpackOptions options;
            options.diff_id = store::sha256_digest(tar);
            BOOST_TEST(!unpack(scratch, whole.substr(0, random() % last), options));
        }
    }
    for (const std::string& tail : {std::string(4096, '\0'), std::string("garbage"), std::string(10'000, 'x')})
        for (const std::string& whole : {tar, gzip(tar)}) {
            ScratchFolder scratch;
            auto made = unpack(scratch, whole + tail);
            BOOST_REQUIRE_MESSAGE(made, words(made));
            BOOST_TEST(made->entries == 3u);
            BOOST_TEST(scratch.read("diff/a/b") == content);
        }
    // An empty layer: Docker's own, and no bytes of tar at all.
    ScratchFolder scratch;
    auto made = unpack(scratch, gzip(std::string(1024, '\0')));
    BOOST_REQUIRE_MESSAGE(made, words(made));
    BOOST_TEST(std::filesystem::is_empty(scratch.at("diff")));
}

// T10, hard links among the kinds.
BOOST_AUTO_TEST_CASE(the_last_entry_wins_over_hard_links_too) {
    TarEntry kinds[] = {{.path = "n", .content = "file"},
                        {.path = "n/", .type = '5', .mode = 0755},
                        {.path = "n", .type = '2', .link = "/x"},
                        {.path = "n", .type = '1', .link = "target"},
                        {.path = "n", .type = '3', .major = 1, .minor = 3}};
    for (const TarEntry& first : kinds)
        for (const TarEntry& second : kinds) {
            ScratchFolder scratch;
            TarBuilder tar;
            tar.file("target", "t").add(first);
            if (first.type == '5') tar.folder("n/in/").file("n/in/side");
            auto made = unpack(scratch, tar.add(second).done());
            BOOST_REQUIRE_MESSAGE(made, words(made));
            BOOST_TEST(scratch.read("diff/target") == "t");
            if (second.type == '1') BOOST_TEST(scratch.read("diff/n") == "t");
            if (second.type == '0') BOOST_TEST(scratch.read("diff/n") == "file");
            if (second.type != '5') BOOST_TEST(made->implied.size() == 1u);  // the root
        }
}

// The two halves on their own give what feed() gives, for every size of piece.
BOOST_AUTO_TEST_CASE(inflating_and_writing_apart_is_the_same) {
    std::string tar = TarBuilder().file("big", std::string(3'000'000, 'z')).file("small").done();
    for (const std::string& whole : {tar, gzip(tar), zstd(tar)})
        for (std::size_t piece : {std::size_t{1000}, std::size_t{65536}, whole.size()}) {
            ScratchFolder scratch;
            auto staging = sys::open_folder(scratch.path());
            BOOST_REQUIRE(staging);
            store::UnpackOptions options;
            options.digest = store::sha256_digest(whole);
            options.diff_id = store::sha256_digest(tar);
            auto unpacker = store::Unpacker::create(std::move(*staging), options);
            BOOST_REQUIRE(unpacker);
            store::Plain plain;
            for (std::size_t at = 0; at < whole.size(); at += piece) {
                std::string_view bytes = std::string_view(whole).substr(at, piece);
                do {
                    plain.clear();
                    BOOST_REQUIRE(unpacker->inflate(bytes, plain));
                    BOOST_REQUIRE(unpacker->write(plain));
                } while (plain.full() || !bytes.empty());
            }
            auto made = unpacker->finish();
            BOOST_REQUIRE_MESSAGE(made, words(made));
            BOOST_TEST(scratch.read("diff/big") == std::string(3'000'000, 'z'));
        }
}

// What is written beyond the allowance leaves the page cache (on file systems that have pages to drop).
BOOST_AUTO_TEST_CASE(files_beyond_the_allowance_are_whole) {
    std::string content(9'000'000, 'q');
    std::string tar = TarBuilder().file("a", content).file("b", "small").file("c", content).done();
    ScratchFolder scratch;
    store::UnpackOptions options;
    options.cached_bytes_max = 1 << 20;
    auto made = unpack(scratch, gzip(tar), options);
    BOOST_REQUIRE_MESSAGE(made, words(made));
    // Before they are read here, which brings them back.
    std::uint64_t cached = cached_bytes(scratch.at("diff/a")) + cached_bytes(scratch.at("diff/c"));
    struct statfs kind {};
    if (::statfs(scratch.path().c_str(), &kind) == 0 && kind.f_type == EXT4_SUPER_MAGIC)
        BOOST_TEST(cached < 2u << 20);  // of 18 MB
    BOOST_TEST(scratch.read("diff/a") == content);
    BOOST_TEST(scratch.read("diff/b") == "small");
    BOOST_TEST(scratch.read("diff/c") == content);
}

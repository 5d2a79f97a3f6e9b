// The pure parts of a push: what a registry says of an upload, and which manifest is pushed.
#include "registry/push_manifest.h"
#include "registry/upload_answers.h"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>
#include <string>

using namespace registry;
using wire::oci::Descriptor;

namespace {

const std::string config_digest = "sha256:" + std::string(64, 'c');

std::string digest(char digit) {
    return "sha256:" + std::string(64, digit);
}

Descriptor blob(char digit, std::string type = "") {
    Descriptor out;
    out.media_type = std::move(type);
    out.digest = digest(digit);
    out.size = 7;
    return out;
}

// With members in an order and spaces that nobody of ours would write.
std::string docker_original() {
    return fmt::format(
        R"({{ "config":{{"size":3,"digest":"{}","mediaType":"application/vnd.docker.container.image.v1+json"}},
  "layers":[{{"digest":"{}","size":7,"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"}}],
  "mediaType":"application/vnd.docker.distribution.manifest.v2+json","schemaVersion":2}})",
        config_digest, digest('1'));
}

Manifest parsed(const ManifestToPush& made) {
    auto manifest = parse_manifest(made.bytes, made.media_type);
    BOOST_REQUIRE(manifest);
    return std::move(*manifest);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_range_is_read_whole_or_not_at_all) {
    BOOST_TEST(parse_upload_range("0-1023").value() == 1024u);
    BOOST_TEST(parse_upload_range("bytes=0-1023").value() == 1024u);
    BOOST_TEST(parse_upload_range("0-0").value() == 0u);
    for (const char* text : {"", "0-", "-1", "1-5", "0--1", "0-5x", "0-5 ", "bytes 0-5", "0-0x10",
                             "0-18446744073709551615", "0-99999999999999999999", "5", "0-+5"})
        BOOST_TEST(!parse_upload_range(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(a_location_leads_anywhere_but_out_of_tls) {
    const std::string from = "https://reg.example:5000/v2/a/b/blobs/uploads/";
    auto to = [&](std::string_view text) { return resolve_location(from, text); };
    BOOST_TEST(*to("/v2/a/b/blobs/uploads/1?x=y") ==
               "https://reg.example:5000/v2/a/b/blobs/uploads/1?x=y");
    BOOST_TEST(*to("https://other.example/up?sig=1") == "https://other.example:443/up?sig=1");
    BOOST_TEST(*to("//other.example/up") == "https://other.example:443/up");
    for (const char* text : {"", "http://reg.example:5000/up", "file:///etc/passwd", "https://",
                             "https://a b/", "/up\r\nX: y", "https://[::1"})
        BOOST_TEST(!to(text), text);
    BOOST_TEST(!to("/" + std::string(location_bytes_max, 'x')));
    BOOST_TEST(!!resolve_location("http://reg.example/v2/", "https://reg.example/up"));
}

BOOST_AUTO_TEST_CASE(a_digest_is_added_to_any_address) {
    BOOST_TEST(with_digest("http://x/up", "sha256:ab") == "http://x/up?digest=sha256%3Aab");
    BOOST_TEST(with_digest("http://x/up?s=1", "sha256:ab") == "http://x/up?s=1&digest=sha256%3Aab");
}

BOOST_AUTO_TEST_CASE(the_manifest_an_image_came_by_goes_back_byte_for_byte) {
    std::string original = docker_original();
    auto made = make_manifest(original, config_digest, 3, {blob('1')});
    BOOST_TEST(made.bytes == original);
    BOOST_TEST(made.media_type == "application/vnd.docker.distribution.manifest.v2+json");
}

BOOST_AUTO_TEST_CASE(other_blobs_or_another_config_make_a_new_manifest) {
    auto made = make_manifest(docker_original(), config_digest, 3, {blob('2')});
    BOOST_TEST(made.media_type == "application/vnd.docker.distribution.manifest.v2+json");
    auto image = std::get<ImageManifest>(parsed(made));
    BOOST_TEST(image.layers[0].digest == digest('2'));
    BOOST_TEST(image.layers[0].media_type == "application/vnd.docker.image.rootfs.diff.tar.gzip");
    BOOST_TEST(image.config.digest == config_digest);
    BOOST_TEST(image.config.size == 3);
    auto other = make_manifest(docker_original(), digest('d'), 3, {blob('1')});
    BOOST_TEST(std::get<ImageManifest>(parsed(other)).config.digest == digest('d'));
    // The same bytes each time: a second push of the same is the same.
    BOOST_TEST(make_manifest("", config_digest, 3, {blob('2')}).bytes ==
               make_manifest("not json", config_digest, 3, {blob('2')}).bytes);
}

BOOST_AUTO_TEST_CASE(zstd_makes_it_oci_and_an_uncompressed_layer_stays_one) {
    auto made = make_manifest(docker_original(), config_digest, 3,
                              {blob('2', layer_media_type(true)),
                               blob('3', "application/vnd.docker.image.rootfs.diff.tar"),
                               blob('1', "application/vnd.docker.image.rootfs.diff.tar.gzip")});
    BOOST_TEST(made.media_type == "application/vnd.oci.image.manifest.v1+json");
    auto image = std::get<ImageManifest>(parsed(made));
    BOOST_TEST(image.config.media_type == "application/vnd.oci.image.config.v1+json");
    BOOST_TEST(image.layers[0].media_type == "application/vnd.oci.image.layer.v1.tar+zstd");
    BOOST_TEST(image.layers[1].media_type == "application/vnd.oci.image.layer.v1.tar");
    BOOST_TEST(image.layers[2].media_type == "application/vnd.oci.image.layer.v1.tar+gzip");
}

BOOST_AUTO_TEST_CASE(a_foreign_layer_keeps_its_type_and_its_place) {
    Descriptor foreign = blob('4', "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    BOOST_TEST(!is_foreign(foreign));
    foreign.urls = {"https://elsewhere.example/x"};
    BOOST_TEST(is_foreign(foreign));
    BOOST_TEST(!is_foreign(blob('1', "application/vnd.docker.image.rootfs.diff.tar.gzip")));
    auto made = make_manifest("", config_digest, 3, {foreign, blob('1')});
    auto image = std::get<ImageManifest>(parsed(made));
    BOOST_TEST(image.layers[0].media_type == foreign.media_type);
    BOOST_TEST(image.layers[0].urls[0] == "https://elsewhere.example/x");
}

// Manifests, indexes and configs: what is taken, what is refused, which platform is chosen.
#include "registry/manifest.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace registry;

namespace {

const std::string digest_a = "sha256:" + std::string(64, 'a');
const std::string digest_b = "sha256:" + std::string(64, 'b');
const std::string docker_type = "application/vnd.docker.distribution.manifest.v2+json";
const std::string oci_type = "application/vnd.oci.image.manifest.v1+json";
const std::string index_type = "application/vnd.oci.image.index.v1+json";

std::string descriptor(std::string type, std::string digest = digest_a, std::string size = "10",
                       std::string more = "") {
    return R"({"mediaType":")" + type + R"(","digest":")" + digest + R"(","size":)" + size + more +
           "}";
}
std::string config() {
    return descriptor("application/vnd.oci.image.config.v1+json");
}
std::string layer() {
    return descriptor("application/vnd.oci.image.layer.v1.tar+zstd", digest_b);
}
std::string image(std::string layers, std::string more = "") {
    return R"({"schemaVersion":2,"config":)" + config() + R"(,"layers":[)" + layers + "]" + more +
           "}";
}
std::string entry(std::string architecture, std::string variant, char digit,
                  std::string os = "linux") {
    return descriptor(oci_type, "sha256:" + std::string(64, digit), "5",
                      R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture +
                          R"(","variant":")" + variant + R"("})");
}
Index index_of(std::string entries) {
    auto parsed =
        parse_manifest(R"({"schemaVersion":2,"manifests":[)" + entries + "]}", index_type);
    BOOST_REQUIRE(parsed);
    return std::get<Index>(*parsed);
}
std::string refusal(std::string bytes, std::string type) {
    auto parsed = parse_manifest(bytes, type);
    BOOST_REQUIRE_MESSAGE(!parsed, bytes);
    return parsed.error().message();
}
char chosen(const Index& index, std::string platform) {
    auto wanted = parse_platform(platform);
    BOOST_REQUIRE(wanted);
    auto found = choose(index, *wanted);
    return found ? (*found)->digest.back() : '-';
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_image_manifest_is_read) {
    auto parsed = parse_manifest(image(layer(), R"(,"mediaType":")" + oci_type + "\""),
                                 oci_type + "; charset=utf-8");
    BOOST_REQUIRE(parsed);
    const auto& manifest = std::get<ImageManifest>(*parsed);
    BOOST_TEST(manifest.layers.size() == 1);
    BOOST_TEST(manifest.layers[0].digest == digest_b);
    BOOST_TEST(manifest.config.size == 10);
    // A vague header leaves the word to the document; no type at all is an OCI document.
    BOOST_TEST(!!parse_manifest(image(layer(), R"(,"mediaType":")" + docker_type + "\""),
                                "application/json"));
    BOOST_TEST(!!parse_manifest(image(layer()), "text/plain"));
}

BOOST_AUTO_TEST_CASE(inside_and_outside_must_agree) {
    std::string said = image(layer(), R"(,"mediaType":")" + docker_type + "\"");
    BOOST_TEST(refusal(said, oci_type) ==
               "mediaType in manifest should be '" + oci_type + "' not '" + docker_type + "'");
    BOOST_TEST(refusal(image(layer()), index_type).find("index must not have") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(documents_of_two_kinds_are_refused) {
    for (const std::string& type : {oci_type, index_type, std::string("application/json")})
        BOOST_TEST(refusal(image(layer(), R"(,"manifests":[])"), type).find("must not have") !=
                   std::string::npos);
    BOOST_TEST(refusal(image(layer(), R"(,"fsLayers":[])"), oci_type).find("schema 1") !=
               std::string::npos);
    BOOST_TEST(refusal(R"({"schemaVersion":1,"name":"x"})", "application/json").find("schema 1") !=
               std::string::npos);
    BOOST_TEST(refusal("{}", "application/vnd.docker.distribution.manifest.v1+prettyjws")
                   .find("schema 1") != std::string::npos);
    BOOST_TEST(refusal(R"({"schemaVersion":2})", "application/json") ==
               "unsupported manifest media type: \"\"");
    BOOST_TEST(refusal(R"({"schemaVersion":2})", "application/vnd.cncf.helm") ==
               "unsupported manifest media type: \"application/vnd.cncf.helm\"");
}

BOOST_AUTO_TEST_CASE(digests_and_sizes_are_strict) {
    std::string type = "application/vnd.oci.image.layer.v1.tar";
    for (std::string bad : {std::string(), std::string("sha256:"), "sha256:" + std::string(63, 'a'),
                            "sha256:" + std::string(64, 'A'), "SHA256:" + std::string(64, 'a'),
                            "sha512:" + std::string(128, 'a'), "sha256:../" + std::string(61, 'a'),
                            "sha256:" + std::string(65, 'a'), "md5:" + std::string(32, 'a')})
        BOOST_TEST(
            refusal(image(descriptor(type, bad)), oci_type).starts_with("invalid digest in layer"));
    for (std::string bad : {"-1", "9223372036854775808", "1e3", "1.5", "\"7\"", "null"})
        BOOST_TEST_CONTEXT(bad)
    BOOST_TEST(!parse_manifest(image(descriptor(type, digest_a, bad)), oci_type));
    std::string huge = descriptor(type, digest_a, "9223372036854775807");
    BOOST_TEST(refusal(image(huge + "," + huge), oci_type) == "layer sizes overflow");
    BOOST_TEST(!parse_manifest(image(descriptor("application/zip")), oci_type));
}

BOOST_AUTO_TEST_CASE(numbers_of_layers_and_entries_are_limited) {
    std::string many = layer();
    for (int i = 0; i < 500; ++i)
        many += "," + layer();
    BOOST_TEST(refusal(image(many), oci_type) ==
               "image has 501 layers, more than the limit of 500");
    BOOST_TEST(refusal(std::string(5 * 1024 * 1024, ' '), oci_type).find("larger than") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_config_must_fit_its_manifest) {
    auto text = [](std::string ids, std::string os = "linux") {
        return R"({"os":")" + os +
               R"(","architecture":"amd64","config":{"Cmd":null,"Env":["A=b"],"Volumes":{"/v":{}}},)" +
               R"("rootfs":{"type":"layers","diff_ids":[)" + ids + "]}}";
    };
    auto parsed = parse_image_config(text("\"" + digest_a + "\""), 1);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->config.env.size() == 1);
    BOOST_TEST(parsed->config.volumes.contains("/v"));
    BOOST_TEST(!parse_image_config(text("\"" + digest_a + "\""), 2));
    BOOST_TEST(!parse_image_config(text("\"sha256:zz\""), 1));
    BOOST_TEST(!parse_image_config(text("", "windows"), 0));
    BOOST_TEST(!parse_image_config(
        R"({"config":{"Env":["a\u0000b"]},"rootfs":{"type":"layers","diff_ids":[]}})", 0));
}

BOOST_AUTO_TEST_CASE(the_platform_is_chosen_as_docker_does) {
    Index index = index_of(entry("arm", "v6", '1') + "," + entry("arm", "v7", '2') + "," +
                           entry("arm64", "v8", '3') + "," + entry("amd64", "", '4') + "," +
                           entry("386", "", '5') + "," + entry("amd64", "", '6') + "," +
                           entry("unknown", "", '7', "unknown"));
    BOOST_TEST(chosen(index, "linux/amd64") == '4');
    BOOST_TEST(chosen(index, "linux/x86_64") == '4');
    BOOST_TEST(chosen(index, "linux/arm64") == '3');
    BOOST_TEST(chosen(index, "linux/arm64/v8") == '3');
    BOOST_TEST(chosen(index, "linux/arm/v7") == '2');
    BOOST_TEST(chosen(index, "linux/arm") == '2');
    BOOST_TEST(chosen(index, "linux/arm/v6") == '1');
    BOOST_TEST(chosen(index, "linux/arm/v5") == '-');
    BOOST_TEST(chosen(index, "linux/386") == '5');
    BOOST_TEST(chosen(index, "linux/s390x") == '-');
    Index small = index_of(entry("386", "", '5') + "," + entry("arm", "v6", '1'));
    BOOST_TEST(chosen(small, "linux/amd64") == '5');
    BOOST_TEST(chosen(small, "linux/arm64") == '1');
    auto none = choose(small, *parse_platform("linux/riscv64"));
    BOOST_TEST(none.error().message() ==
               "no matching manifest for linux/riscv64 in the manifest list entries");
}

BOOST_AUTO_TEST_CASE(platform_texts_are_checked) {
    for (const char* bad : {"", "/", "linux/", "a/b/c/d", "lin ux/amd64", "linux/../x", "nonsense"})
        BOOST_TEST_CONTEXT(bad) BOOST_TEST(!parse_platform(bad));
    BOOST_TEST(platform_text(*parse_platform("ARMHF")) == "linux/arm/v7");
}

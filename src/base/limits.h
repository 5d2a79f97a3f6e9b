// Every bound on what input may grow to, in one place: units last in the name. A limit used by one
// room only may stand in that room; what two rooms must agree on stands here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limits {

inline constexpr std::size_t header_bytes_max = 64 * 1024;         // one HTTP head, both directions
inline constexpr std::size_t header_count_max = 200;               // header lines in one head
inline constexpr std::size_t url_bytes_max = 32 * 1024;            // filters travel in the query
inline constexpr std::size_t json_body_bytes_max = 4 * 1024 * 1024;  // a request's JSON document
inline constexpr std::size_t json_depth_max = 64;
inline constexpr std::size_t manifest_bytes_max = 4 * 1024 * 1024;   // manifest, index
inline constexpr std::size_t image_config_bytes_max = 8 * 1024 * 1024;
inline constexpr std::size_t manifest_layers_max = 500;              // overlayfs itself takes 500
inline constexpr std::size_t connections_max = 4096;                 // API connections at once
inline constexpr std::size_t container_name_bytes_max = 255;
inline constexpr std::size_t detach_keys_max = 16;
inline constexpr std::size_t account_file_bytes_max = 1024 * 1024;   // /etc/passwd, /etc/group
inline constexpr std::size_t log_record_bytes_max = 16 * 1024;       // Docker's split of long lines
inline constexpr std::size_t log_line_bytes_max = 256 * 1024;         // a record escaped, with its attributes
inline constexpr std::size_t events_kept_max = 256;
inline constexpr std::size_t event_queue_max = 1024;                 // a slower reader is cut

}  // namespace limits

#include "store/archive_stream.h"

#include "codec/tar_write.h"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>

namespace store {

void ArchiveStream::add_folder(std::string path) {
    items_.push_back({.path = std::move(path), .text = {}, .diff_id = {}, .folder = true});
}

void ArchiveStream::add_document(std::string path, std::string text) {
    std::uint64_t bytes = text.size();
    items_.push_back(
        {.path = std::move(path), .text = std::move(text), .diff_id = {}, .bytes = bytes});
}

void ArchiveStream::add_layer(std::string path, std::string diff_id, std::uint64_t tar_bytes) {
    items_.push_back(
        {.path = std::move(path), .text = {}, .diff_id = std::move(diff_id), .bytes = tar_bytes});
}

// The next item's header and, of a document, all of it.
Status ArchiveStream::begin_item() {
    ready_.clear();
    ready_done_ = 0;
    if (items_.empty()) {
        ready_.assign(codec::tar::end_bytes, '\0');
        ended_ = true;
        return {};
    }
    Item item = std::move(items_.front());
    items_.pop_front();
    codec::tar::Entry entry;
    entry.type = item.folder ? codec::tar::Type::folder : codec::tar::Type::file;
    entry.path = item.path;
    entry.mode = item.folder ? 0755 : 0644;
    entry.size = entry.stored_bytes = item.bytes;
    TRY(ready_, codec::tar::header(entry));
    if (!item.diff_id.empty()) {
        TRY(LayerTar layer, LayerTar::open(*layers_, item.diff_id));
        layer_.emplace(std::move(layer));
        left_ = item.bytes;
        return {};
    }
    ready_ += item.text;
    ready_.append(codec::tar::padding_bytes(item.bytes), '\0');
    return {};
}

Result<std::size_t> ArchiveStream::read_layer(char* out, std::size_t capacity) {
    TRY(std::size_t got, layer_->read(out, capacity));
    if (got > left_ || (got == 0 && left_ > 0))
        return Error(Kind::internal, "a layer's tar has not the size its record says");
    left_ -= got;
    if (got > 0) return got;
    std::uint64_t bytes = layer_->done_bytes();
    layer_.reset();
    ready_.assign(codec::tar::padding_bytes(bytes), '\0');
    ready_done_ = 0;
    return got;
}

Result<std::size_t> ArchiveStream::read(char* out, std::size_t capacity) {
    std::size_t filled = 0;
    while (filled < capacity) {
        if (ready_done_ < ready_.size()) {
            std::size_t part = std::min(capacity - filled, ready_.size() - ready_done_);
            std::memcpy(out + filled, ready_.data() + ready_done_, part);
            ready_done_ += part;
            filled += part;
        } else if (layer_) {
            TRY(std::size_t got, read_layer(out + filled, capacity - filled));
            filled += got;
        } else if (ended_) {
            break;
        } else {
            TRY_DO(begin_item());
        }
    }
    return filled;
}

}  // namespace store

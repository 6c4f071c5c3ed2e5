#include "metadata/metadata_service.h"

#include <utility>

#include "metadata/metadata_core.h"

namespace walrus::metadata {

MetadataService::MetadataService(std::unique_ptr<MetadataCore> core) : core_(std::move(core)) {}
MetadataService::~MetadataService() = default;

Result<std::unique_ptr<MetadataService>> MetadataService::open(io::Loop& loop, io::Disk& disk, io::Transport& transport,
                                                               MetadataServiceOptions options) {
  auto core = std::make_unique<MetadataCore>(loop, transport, std::move(options));
  WALRUS_TRY(core->open(disk));
  return std::unique_ptr<MetadataService>(new MetadataService(std::move(core)));
}

void MetadataService::start() { core_->start(); }
void MetadataService::stop() { core_->stop(); }
bool MetadataService::handle(NodeId from, io::Message& message, io::Reply& reply) {
  return core_->handle(from, message, reply);
}
MetadataClient& MetadataService::client() { return core_->client(); }
std::unique_ptr<MetadataClient> MetadataService::client_for(io::Loop& loop) { return core_->client_for(loop); }
bool MetadataService::ready() const { return core_->ready(); }
bool MetadataService::is_leader() const { return core_->is_leader(); }
RaftStatus MetadataService::status() const { return core_->status(); }
void MetadataService::step_down() { core_->step_down(); }

}  // namespace walrus::metadata

//! `AuditService`: kit's audit, of this service.

passgate_kit::audit_rpc!(passgate_proto::gateway::v1);

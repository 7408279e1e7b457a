//! Codes that brokers answer other clients with, and a producer only by mistake. None is tried again.
//!
//! Where frames travel they have the Java client's names (feature `wire`); the page, whose brokers are ours, goes without.

/// Code, name, exception class and sentence.
pub(super) type Other = (i16, &'static str, &'static str, &'static str);

macro_rules! others {
    ($($code:literal $name:ident $class:literal $message:literal;)*) => {
        #[cfg(feature = "wire")]
        const OTHERS: &[Other] = &[$(($code, stringify!($name), $class, $message)),*];
    };
}

#[cfg(not(feature = "wire"))]
const OTHERS: &[Other] = &[];

/// What is known of a code that is none of a producer's.
pub(super) const fn other(code: i16) -> Option<&'static Other> {
    let mut place = 0;
    while place < OTHERS.len() {
        if OTHERS[place].0 == code {
            return Some(&OTHERS[place]);
        }
        place += 1;
    }
    None
}

others! {
    4 INVALID_FETCH_SIZE "InvalidFetchSizeException" "The requested fetch size is invalid.";
    11 STALE_CONTROLLER_EPOCH "ControllerMovedException" "The controller moved to another broker.";
    23 INCONSISTENT_GROUP_PROTOCOL "InconsistentGroupProtocolException" "The group member's supported protocols are incompatible with those of existing members or first group member tried to join with empty protocol type or empty protocol list.";
    26 INVALID_SESSION_TIMEOUT "InvalidSessionTimeoutException" "The session timeout is not within the range allowed by the broker (as configured by group.min.session.timeout.ms and group.max.session.timeout.ms).";
    27 REBALANCE_IN_PROGRESS "RebalanceInProgressException" "The group is rebalancing, so a rejoin is needed.";
    28 INVALID_COMMIT_OFFSET_SIZE "InvalidCommitOffsetSizeException" "The committing offset data size is not valid.";
    34 ILLEGAL_SASL_STATE "IllegalSaslStateException" "Request is not valid given the current SASL state.";
    39 INVALID_REPLICA_ASSIGNMENT "InvalidReplicaAssignmentException" "Replica assignment is invalid.";
    52 TRANSACTION_COORDINATOR_FENCED "TransactionCoordinatorFencedException" "Indicates that the transaction coordinator sending a WriteTxnMarker is no longer the current coordinator for a given producer.";
    54 SECURITY_DISABLED "SecurityDisabledException" "Security features are disabled.";
    57 LOG_DIR_NOT_FOUND "LogDirNotFoundException" "The user-specified log directory is not found in the broker config.";
    60 REASSIGNMENT_IN_PROGRESS "ReassignmentInProgressException" "A partition reassignment is in progress.";
    61 DELEGATION_TOKEN_AUTH_DISABLED "DelegationTokenDisabledException" "Delegation Token feature is not enabled.";
    62 DELEGATION_TOKEN_NOT_FOUND "DelegationTokenNotFoundException" "Delegation Token is not found on server.";
    63 DELEGATION_TOKEN_OWNER_MISMATCH "DelegationTokenOwnerMismatchException" "Specified Principal is not valid Owner/Renewer.";
    64 DELEGATION_TOKEN_REQUEST_NOT_ALLOWED "UnsupportedByAuthenticationException" "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on delegation token authenticated channels.";
    65 DELEGATION_TOKEN_AUTHORIZATION_FAILED "DelegationTokenAuthorizationException" "Delegation Token authorization failed.";
    66 DELEGATION_TOKEN_EXPIRED "DelegationTokenExpiredException" "Delegation Token is expired.";
    67 INVALID_PRINCIPAL_TYPE "InvalidPrincipalTypeException" "Supplied principalType is not supported.";
    68 NON_EMPTY_GROUP "GroupNotEmptyException" "The group is not empty.";
    69 GROUP_ID_NOT_FOUND "GroupIdNotFoundException" "The group id does not exist.";
    73 TOPIC_DELETION_DISABLED "TopicDeletionDisabledException" "Topic deletion is disabled.";
    77 STALE_BROKER_EPOCH "StaleBrokerEpochException" "Broker epoch has changed.";
    79 MEMBER_ID_REQUIRED "MemberIdRequiredException" "The group member needs to have a valid member id before actually entering a consumer group.";
    81 GROUP_MAX_SIZE_REACHED "GroupMaxSizeReachedException" "The group has reached its maximum size.";
    85 NO_REASSIGNMENT_IN_PROGRESS "NoReassignmentInProgressException" "No partition reassignment is in progress.";
    86 GROUP_SUBSCRIBED_TO_TOPIC "GroupSubscribedToTopicException" "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it.";
    91 RESOURCE_NOT_FOUND "ResourceNotFoundException" "A request illegally referred to a resource that does not exist.";
    92 DUPLICATE_RESOURCE "DuplicateResourceException" "A request illegally referred to the same resource twice.";
    93 UNACCEPTABLE_CREDENTIAL "UnacceptableCredentialException" "Requested credential would not meet criteria for acceptability.";
    94 INCONSISTENT_VOTER_SET "InconsistentVoterSetException" "Indicates that the either the sender or recipient of a voter-only request is not one of the expected voters.";
    95 INVALID_UPDATE_VERSION "InvalidUpdateVersionException" "The given update version was invalid.";
    96 FEATURE_UPDATE_FAILED "FeatureUpdateFailedException" "Unable to update finalized features due to an unexpected server error.";
    97 PRINCIPAL_DESERIALIZATION_FAILURE "PrincipalDeserializationException" "Request principal deserialization failed during forwarding. This indicates an internal error on the broker cluster security setup.";
    98 SNAPSHOT_NOT_FOUND "SnapshotNotFoundException" "Requested snapshot was not found.";
    99 POSITION_OUT_OF_RANGE "PositionOutOfRangeException" "Requested position is not greater than or equal to zero, and less than the size of the snapshot.";
    101 DUPLICATE_BROKER_REGISTRATION "DuplicateBrokerRegistrationException" "This broker ID is already in use.";
    102 BROKER_ID_NOT_REGISTERED "BrokerIdNotRegisteredException" "The given broker ID was not registered.";
    104 INCONSISTENT_CLUSTER_ID "InconsistentClusterIdException" "The clusterId in the request does not match that found on the server.";
    105 TRANSACTIONAL_ID_NOT_FOUND "TransactionalIdNotFoundException" "The transactionalId could not be found.";
    107 INELIGIBLE_REPLICA "IneligibleReplicaException" "The new ISR contains at least one ineligible replica.";
    108 NEW_LEADER_ELECTED "NewLeaderElectedException" "The AlterPartition request successfully updated the partition state but the leader has changed.";
    109 OFFSET_MOVED_TO_TIERED_STORAGE "OffsetMovedToTieredStorageException" "The requested offset is moved to tiered storage.";
    110 FENCED_MEMBER_EPOCH "FencedMemberEpochException" "The member epoch is fenced by the group coordinator. The member must abandon all its partitions and rejoin.";
    111 UNRELEASED_INSTANCE_ID "UnreleasedInstanceIdException" "The instance ID is still used by another member in the consumer group. That member must leave first.";
    112 UNSUPPORTED_ASSIGNOR "UnsupportedAssignorException" "The assignor or its version range is not supported by the consumer group.";
    113 STALE_MEMBER_EPOCH "StaleMemberEpochException" "The member epoch is stale. The member must retry after receiving its updated member epoch via the ConsumerGroupHeartbeat API.";
    114 MISMATCHED_ENDPOINT_TYPE "MismatchedEndpointTypeException" "The request was sent to an endpoint of the wrong type.";
    115 UNSUPPORTED_ENDPOINT_TYPE "UnsupportedEndpointTypeException" "This endpoint type is not supported yet.";
    116 UNKNOWN_CONTROLLER_ID "UnknownControllerIdException" "This controller ID is not known.";
    117 UNKNOWN_SUBSCRIPTION_ID "UnknownSubscriptionIdException" "Client sent a push telemetry request with an invalid or outdated subscription ID.";
    118 TELEMETRY_TOO_LARGE "TelemetryTooLargeException" "Client sent a push telemetry request larger than the maximum size the broker will accept.";
    119 INVALID_REGISTRATION "InvalidRegistrationException" "The controller has considered the broker registration to be invalid.";
    121 INVALID_RECORD_STATE "InvalidRecordStateException" "The record state is invalid. The acknowledgement of delivery could not be completed.";
    124 FENCED_STATE_EPOCH "FencedStateEpochException" "The share coordinator rejected the request because the share-group state epoch did not match.";
    125 INVALID_VOTER_KEY "InvalidVoterKeyException" "The voter key doesn't match the receiving replica's key.";
    126 DUPLICATE_VOTER "DuplicateVoterException" "The voter is already part of the set of voters.";
    127 VOTER_NOT_FOUND "VoterNotFoundException" "The voter is not part of the set of voters.";
    128 INVALID_REGULAR_EXPRESSION "InvalidRegularExpression" "The regular expression is not valid.";
    130 STREAMS_INVALID_TOPOLOGY "StreamsInvalidTopologyException" "The supplied topology is invalid.";
    131 STREAMS_INVALID_TOPOLOGY_EPOCH "StreamsInvalidTopologyEpochException" "The supplied topology epoch is invalid.";
    132 STREAMS_TOPOLOGY_FENCED "StreamsTopologyFencedException" "The supplied topology epoch is outdated.";
}

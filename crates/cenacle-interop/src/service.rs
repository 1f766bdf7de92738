//! The methods of [`Interop`] as a gRPC service. Each call runs on a thread for blocking work: a large commit holds up the
//! calls on its own member and no others.

use alloc::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    failure::Failure,
    proto::{self, mls_client_server::MlsClient},
    rpc::Interop,
};

/// The service.
#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Interop>);

impl Service {
    async fn call<Q: Send + 'static, A: Send + 'static>(
        &self,
        request: Request<Q>,
        method: fn(&Interop, &Q) -> Result<A, Failure>,
    ) -> Result<Response<A>, Status> {
        let interop = Arc::clone(&self.0);
        let request = request.into_inner();
        let answer = tokio::task::spawn_blocking(move || method(&interop, &request)).await;
        Ok(Response::new(answer.map_err(|_| Failure::Broken)??))
    }
}

macro_rules! methods {
    ($($method:ident: $request:ident -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl MlsClient for Service {
            $(async fn $method(
                &self,
                request: Request<proto::$request>,
            ) -> Result<Response<proto::$response>, Status> {
                self.call(request, Interop::$method).await
            })*
        }
    };
}

methods! {
    name: NameRequest -> NameResponse;
    supported_ciphersuites: SupportedCiphersuitesRequest -> SupportedCiphersuitesResponse;
    create_group: CreateGroupRequest -> CreateGroupResponse;
    create_key_package: CreateKeyPackageRequest -> CreateKeyPackageResponse;
    join_group: JoinGroupRequest -> JoinGroupResponse;
    external_join: ExternalJoinRequest -> ExternalJoinResponse;
    group_info: GroupInfoRequest -> GroupInfoResponse;
    state_auth: StateAuthRequest -> StateAuthResponse;
    export: ExportRequest -> ExportResponse;
    protect: ProtectRequest -> ProtectResponse;
    unprotect: UnprotectRequest -> UnprotectResponse;
    store_psk: StorePskRequest -> StorePskResponse;
    add_proposal: AddProposalRequest -> ProposalResponse;
    update_proposal: UpdateProposalRequest -> ProposalResponse;
    remove_proposal: RemoveProposalRequest -> ProposalResponse;
    external_psk_proposal: ExternalPskProposalRequest -> ProposalResponse;
    resumption_psk_proposal: ResumptionPskProposalRequest -> ProposalResponse;
    group_context_extensions_proposal: GroupContextExtensionsProposalRequest -> ProposalResponse;
    commit: CommitRequest -> CommitResponse;
    handle_commit: HandleCommitRequest -> HandleCommitResponse;
    handle_pending_commit: HandlePendingCommitRequest -> HandleCommitResponse;
    re_init_proposal: ReInitProposalRequest -> ProposalResponse;
    re_init_commit: CommitRequest -> CommitResponse;
    handle_pending_re_init_commit: HandlePendingCommitRequest -> HandleReInitCommitResponse;
    handle_re_init_commit: HandleCommitRequest -> HandleReInitCommitResponse;
    re_init_welcome: ReInitWelcomeRequest -> CreateSubgroupResponse;
    handle_re_init_welcome: HandleReInitWelcomeRequest -> JoinGroupResponse;
    create_branch: CreateBranchRequest -> CreateSubgroupResponse;
    handle_branch: HandleBranchRequest -> HandleBranchResponse;
    new_member_add_proposal: NewMemberAddProposalRequest -> NewMemberAddProposalResponse;
    create_external_signer: CreateExternalSignerRequest -> CreateExternalSignerResponse;
    add_external_signer: AddExternalSignerRequest -> ProposalResponse;
    external_signer_proposal: ExternalSignerProposalRequest -> ProposalResponse;
    free: FreeRequest -> FreeResponse;
}

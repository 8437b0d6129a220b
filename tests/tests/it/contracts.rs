//! What a person with grpcurl finds out by asking.

use crate::support::grpcurl::prints;
use crate::support::system::Standalone;

#[tokio::test]
async fn grpcurl_lists_and_describes_what_people_may_call_with_its_manual() {
    let system = Standalone::start().await;

    let identity = prints(&[&system.identity.to_string(), "list"]);
    let token = prints(&[&system.token.to_string(), "list"]);
    let registry = prints(&[&system.registry.to_string(), "list"]);
    let method = prints(&[&system.token.to_string(), "describe", "passgate.token.v1.TokenService.CreateToken"]);
    let field = prints(&[&system.identity.to_string(), "describe", "passgate.identity.v1.SignInRequest"]);

    for (listed, services) in [
        (&identity, &["UserService", "ApiUserService", "GroupService", "GrantService", "SessionService"][..]),
        (&token, &["TokenService", "AuthorizationService", "KeyService"][..]),
        (&registry, &["EndpointService", "ApiService"][..]),
    ] {
        for service in services {
            assert!(listed.contains(service), "{service} in {listed}");
        }
        assert!(listed.contains("grpc.health.v1.Health"), "{listed}");
    }
    assert!(method.contains("A name is enough."), "{method}");
    assert!(method.contains("passgate.type.v1.access"), "the access option shows: {method}");
    assert!(field.contains("Required. At most 1,024 bytes."), "{field}");
}

#[tokio::test]
async fn what_the_services_say_to_each_other_is_in_no_reflection_answer() {
    let system = Standalone::start().await;

    for address in [system.identity, system.token, system.registry, system.gateway] {
        let address = address.to_string();
        let listed = prints(&[&address, "list"]);
        assert!(!listed.contains("DirectoryService") && !listed.contains("IssuingService"), "{listed}");
        for name in ["passgate.identity.v1.DirectoryService", "passgate.token.v1.IssuingService"] {
            let described = prints(&[&address, "describe", name]);
            assert!(!described.contains("rpc "), "{described}");
        }
    }
}

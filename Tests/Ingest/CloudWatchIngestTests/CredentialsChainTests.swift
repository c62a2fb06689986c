import CloudWatchIngest
import HTTPClient
import TestSupport
import Testing
import Timekeeping

/// Where credentials are looked for, and what is said when a link is broken.
@Suite struct CredentialsChainTests {
    static let now = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
    static let role = "arn:aws:iam::123456789012:role/reader"

    static func stsReply(_ operation: String, id: String = "ASIASTS") -> HTTPClientReply {
        HTTPClientReply(
            status: 200,
            body: Array(
                """
                <\(operation)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(operation)Result>
                <Credentials><AccessKeyId>\(id)</AccessKeyId><SecretAccessKey>sts-secret</SecretAccessKey>
                <SessionToken>sts-token</SessionToken><Expiration>2026-03-01T13:00:00Z</Expiration></Credentials>
                </\(operation)Result></\(operation)Response>
                """.utf8
            )
        )
    }

    static func stsError(_ code: String, status: Int = 403) -> HTTPClientReply {
        HTTPClientReply(
            status: status,
            body: Array(
                "<ErrorResponse><Error><Type>Sender</Type><Code>\(code)</Code><Message>no</Message></Error></ErrorResponse>"
                    .utf8
            )
        )
    }

    static let metadataKeys =
        Array(
            #"{"Code":"Success","AccessKeyId":"ASIAMETA","SecretAccessKey":"meta-secret","Token":"meta-token","#
                .utf8
        )
        + Array(#""Expiration":"2026-03-01T18:00:00Z"}"#.utf8)

    /// The world outside: STS, the container endpoints and the metadata service.
    static let world: FakeHTTP.Answer = { (request) throws(HTTPClientError) in
        let url = request.url
        if url.hasPrefix("https://sts.eu-west-1.amazonaws.com/") {
            if request.text.contains("Action=AssumeRoleWithWebIdentity") {
                return stsReply("AssumeRoleWithWebIdentity", id: "ASIAWEB")
            }
            return stsReply("AssumeRole")
        }
        if url == "http://169.254.170.23/v1/credentials" || url == "http://169.254.170.2/task" {
            return HTTPClientReply(status: 200, body: metadataKeys)
        }
        throw .timeout(host: "169.254.169.254", after: .seconds(1))
    }

    static let instanceWorld: FakeHTTP.Answer = { (request) throws(HTTPClientError) in
        switch (request.method, request.url) {
        case ("PUT", "http://169.254.169.254/latest/api/token"):
            return HTTPClientReply(status: 200, body: Array("imds-token".utf8))
        case ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"):
            return HTTPClientReply(status: 200, body: Array("node-role\n".utf8))
        case ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/node-role"):
            return HTTPClientReply(status: 200, body: metadataKeys)
        case ("GET", "http://169.254.169.254/latest/meta-data/placement/region"):
            return HTTPClientReply(status: 200, body: Array("eu-north-1".utf8))
        default: throw .unreachable(host: request.url, reason: "unexpected")
        }
    }

    static func environment(
        _ variables: [String: String],
        _ files: [String: String] = [:]
    )
        -> AWSEnvironment
    {
        AWSEnvironment(variables: ["HOME": "/home/t"].merging(variables) { $1 }) {
            (path) throws(FileReadError) in
            guard let text = files[path] else { throw .missing }
            guard text != "unreadable" else { throw .unreadable("permission denied") }
            return Array(text.utf8)
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var variables: [String: String] = [:]
        var files: [String: String] = [:]
        var world: FakeHTTP.Answer = CredentialsChainTests.world
        var roleARN: String?
        var id: String
        var source: String
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "the environment",
            variables: [
                "AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s",
                "AWS_SESSION_TOKEN": "t",
            ],
            id: "AKENV",
            source: "environment"
        ),
        Case(
            name: "the environment before everything else",
            variables: [
                "AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ROLE_ARN": role,
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_PROFILE": "nothing",
            ],
            id: "AKENV",
            source: "environment"
        ),
        Case(
            name: "a role in the settings, taken with what was found",
            variables: ["AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s"],
            roleARN: role,
            id: "ASIASTS",
            source: "role \(role) by environment"
        ),
        Case(
            name: "the default profile of the credentials file",
            files: [
                "/home/t/.aws/credentials":
                    "# mine\n[default]\naws_access_key_id = AKFILE\naws_secret_access_key=x=y\n"
            ],
            id: "AKFILE",
            source: #"profile "default""#
        ),
        Case(
            name: "the profile that AWS_PROFILE names, in the config file",
            variables: ["AWS_PROFILE": "prod"],
            files: [
                "/home/t/.aws/config":
                    "[default]\nregion=x\n[profile prod]\naws_access_key_id=AKCONF\naws_secret_access_key=s\ns3 =\n  max = 1\n"
            ],
            id: "AKCONF",
            source: #"profile "prod""#
        ),
        Case(
            name: "the credentials file wins over the config file",
            variables: ["AWS_CONFIG_FILE": "/c", "AWS_SHARED_CREDENTIALS_FILE": "/s"],
            files: [
                "/c": "[default]\naws_access_key_id=AKC\naws_secret_access_key=c\n",
                "/s": "[default]\naws_access_key_id=AKS\naws_secret_access_key=s\n",
            ],
            id: "AKS",
            source: #"profile "default""#
        ),
        Case(
            name: "a profile's role by its source profile",
            variables: ["AWS_PROFILE": "prod"],
            files: [
                "/home/t/.aws/config": """
                [profile base]
                aws_access_key_id=AKBASE
                aws_secret_access_key=s
                [profile prod]
                role_arn = \(role)
                source_profile = base
                external_id = ext
                """
            ],
            id: "ASIASTS",
            source: #"role \#(role) by profile "base""#
        ),
        Case(
            name: "a profile that is its own source",
            files: [
                "/home/t/.aws/config": """
                [default]
                aws_access_key_id=AKSELF
                aws_secret_access_key=s
                role_arn = \(role)
                source_profile = default
                """
            ],
            id: "ASIASTS",
            source: #"role \#(role) by profile "default""#
        ),
        Case(
            name: "a profile's role by the environment's keys is preferred to web identity",
            variables: [
                "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
            ],
            files: [
                "/token": "jwt",
                "/home/t/.aws/config":
                    "[default]\nrole_arn=\(role)\nsource_profile=b\n[profile b]\naws_access_key_id=AKB\naws_secret_access_key=s\n",
            ],
            id: "ASIASTS",
            source: #"role \#(role) by profile "b""#
        ),
        Case(
            name: "a profile's role by the container endpoint",
            variables: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/task"],
            files: [
                "/home/t/.aws/config":
                    "[default]\nrole_arn=\(role)\ncredential_source=EcsContainer\n"
            ],
            id: "ASIASTS",
            source: "role \(role) by container endpoint"
        ),
        Case(
            name: "a profile's web identity",
            files: [
                "/home/t/.aws/config":
                    "[default]\nrole_arn=\(role)\nweb_identity_token_file=/jwt\n", "/jwt": "abc\n",
            ],
            id: "ASIAWEB",
            source: "web identity \(role)"
        ),
        Case(
            name: "IRSA",
            variables: ["AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"],
            files: ["/token": "jwt\n"],
            id: "ASIAWEB",
            source: "web identity \(role)"
        ),
        Case(
            name: "IRSA before a profile's keys",
            variables: ["AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"],
            files: [
                "/token": "jwt",
                "/home/t/.aws/credentials":
                    "[default]\naws_access_key_id=A\naws_secret_access_key=b\n",
            ],
            id: "ASIAWEB",
            source: "web identity \(role)"
        ),
        Case(
            name: "EKS Pod Identity",
            variables: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/pod-token",
            ],
            files: ["/pod-token": "pod-jwt"],
            id: "ASIAMETA",
            source: "container endpoint"
        ),
        Case(
            name: "an ECS task",
            variables: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/task"],
            id: "ASIAMETA",
            source: "container endpoint"
        ),
        Case(
            name: "instance metadata",
            world: instanceWorld,
            id: "ASIAMETA",
            source: "instance role node-role"
        ),
    ]

    static func chain(
        _ environment: AWSEnvironment,
        _ http: FakeHTTP,
        roleARN: String? = nil
    ) -> CredentialsChain {
        CredentialsChain(
            environment: environment,
            http: http,
            clock: ManualClock(now),
            region: "eu-west-1",
            roleARN: roleARN,
            externalID: roleARN == nil ? nil : "ext"
        )
    }

    @Test(arguments: cases) func found(_ one: Case) async throws {
        let http = FakeHTTP(one.world)
        let chain = Self.chain(
            Self.environment(one.variables, one.files),
            http,
            roleARN: one.roleARN
        )
        let credentials = try await chain.credentials()
        #expect(credentials.accessKeyID == one.id)
        #expect(credentials.source == one.source)
    }

    struct Failure: CustomTestStringConvertible, Sendable {
        var name: String
        var variables: [String: String] = [:]
        var files: [String: String] = [:]
        var world: FakeHTTP.Answer = CredentialsChainTests.world
        /// Pieces the message must hold.
        var says: [String]
        var isTransient = false
        var testDescription: String { name }
    }

    static func sts(_ code: String, status: Int = 403) -> FakeHTTP.Answer {
        { (_) throws(HTTPClientError) in stsError(code, status: status) }
    }

    static let irsa = ["AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"]

    static func imds(_ role: Int, _ keys: Int) -> FakeHTTP.Answer {
        { (request) throws(HTTPClientError) in
            if request.method == "PUT" {
                return HTTPClientReply(status: 200, body: Array("t".utf8))
            }
            return request.url.hasSuffix("/security-credentials/")
                ? HTTPClientReply(status: role, body: Array("r".utf8))
                : HTTPClientReply(status: keys)
        }
    }

    static let failures = [
        Failure(
            name: "nothing anywhere: every link is named with what it looked for",
            says: [
                "environment: AWS_ACCESS_KEY_ID is not set",
                "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
                #"no profile "default" in /home/t/.aws/credentials or /home/t/.aws/config"#,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI", "169.254.169.254 does not answer",
                "hop limit must be 2",
            ]
        ),
        Failure(
            name: "half of the environment",
            variables: ["AWS_ACCESS_KEY_ID": "A"],
            says: ["environment", "AWS_SECRET_ACCESS_KEY is not"]
        ),
        Failure(
            name: "a profile that does not exist",
            variables: ["AWS_PROFILE": "prod"],
            says: [#"profile "prod""#, "/home/t/.aws/credentials nor /home/t/.aws/config"]
        ),
        Failure(
            name: "a source profile that does not exist",
            files: ["/home/t/.aws/config": "[default]\nrole_arn=\(role)\nsource_profile=gone\n"],
            says: [#"profile "default""#, #"source_profile "gone""#]
        ),
        Failure(
            name: "source profiles in a circle",
            files: [
                "/home/t/.aws/config":
                    "[default]\nrole_arn=\(role)\nsource_profile=a\n[profile a]\nrole_arn=\(role)\nsource_profile=default\n"
            ],
            says: ["circle", "default > a > default"]
        ),
        Failure(
            name: "a role without a source",
            files: ["/home/t/.aws/config": "[default]\nrole_arn=\(role)\n"],
            says: ["neither source_profile nor credential_source"]
        ),
        Failure(
            name: "two sources",
            files: [
                "/home/t/.aws/config":
                    "[default]\nrole_arn=\(role)\nsource_profile=a\ncredential_source=Environment\n"
            ],
            says: ["both source_profile and credential_source"]
        ),
        Failure(
            name: "an unknown credential source",
            files: [
                "/home/t/.aws/config": "[default]\nrole_arn=\(role)\ncredential_source=Magic\n"
            ],
            says: [#""Magic""#, "Ec2InstanceMetadata"]
        ),
        Failure(
            name: "a credential process",
            files: ["/home/t/.aws/config": "[default]\ncredential_process=/bin/x\n"],
            says: ["credential_process is not supported"]
        ),
        Failure(
            name: "SSO",
            files: ["/home/t/.aws/config": "[default]\nsso_session=x\n"],
            says: ["SSO is not supported", "export-credentials"]
        ),
        Failure(
            name: "MFA",
            files: [
                "/home/t/.aws/config":
                    "[default]\nrole_arn=\(role)\nsource_profile=a\nmfa_serial=x\n"
            ],
            says: ["mfa_serial"]
        ),
        Failure(
            name: "half of a profile",
            files: ["/home/t/.aws/credentials": "[default]\naws_access_key_id=A\n"],
            says: ["no aws_secret_access_key"]
        ),
        Failure(
            name: "an unreadable file",
            files: ["/home/t/.aws/credentials": "unreadable"],
            says: ["/home/t/.aws/credentials", "permission denied"]
        ),
        Failure(
            name: "a line that is no setting",
            files: ["/home/t/.aws/credentials": "[default]\nnonsense\n"],
            says: ["/home/t/.aws/credentials:2", "key = value"]
        ),
        Failure(
            name: "a section that is not closed",
            files: ["/home/t/.aws/credentials": "\n[default\n"],
            says: ["/home/t/.aws/credentials:2"]
        ),
        Failure(
            name: "a token file without a role",
            variables: ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token"],
            says: ["AWS_ROLE_ARN is not", "eks.amazonaws.com/role-arn"]
        ),
        Failure(
            name: "a token file that is not mounted",
            variables: irsa,
            says: ["web identity", "/token", "no such file", "mounted"]
        ),
        Failure(
            name: "an empty token file",
            variables: irsa,
            files: ["/token": "\n"],
            says: ["/token is empty"]
        ),
        Failure(
            name: "a trust policy that does not allow it",
            variables: irsa,
            files: ["/token": "jwt"],
            world: sts("AccessDenied"),
            says: ["AssumeRoleWithWebIdentity of \(role)", "trust policy", "sub"]
        ),
        Failure(
            name: "an issuer that IAM does not know",
            variables: irsa,
            files: ["/token": "jwt"],
            world: sts("InvalidIdentityToken", status: 400),
            says: ["OIDC issuer", "sts.amazonaws.com"]
        ),
        Failure(
            name: "an expired token",
            variables: irsa,
            files: ["/token": "jwt"],
            world: sts("ExpiredTokenException", status: 400),
            says: ["not being renewed"]
        ),
        Failure(
            name: "STS that is throttled",
            variables: irsa,
            files: ["/token": "jwt"],
            world: sts("Throttling", status: 400),
            says: ["Throttling"],
            isTransient: true
        ),
        Failure(
            name: "STS that fails",
            variables: irsa,
            files: ["/token": "jwt"],
            world: { (_) throws(HTTPClientError) in
                HTTPClientReply(status: 502, body: Array("<html>".utf8))
            },
            says: ["502", "XML"],
            isTransient: true
        ),
        Failure(
            name: "STS out of reach",
            variables: irsa,
            files: ["/token": "jwt"],
            world: { (_) throws(HTTPClientError) in
                throw .unreachable(host: "sts", reason: "refused")
            },
            says: ["cannot reach sts", "VPC endpoint"],
            isTransient: true
        ),
        Failure(
            name: "an answer without keys",
            variables: irsa,
            files: ["/token": "jwt"],
            world: { (_) throws(HTTPClientError) in
                HTTPClientReply(status: 200, body: Array("<a/>".utf8))
            },
            says: ["no complete Credentials"]
        ),
        Failure(
            name: "a container endpoint elsewhere",
            variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/keys"],
            says: ["10.0.0.1", "169.254.170.23"]
        ),
        Failure(
            name: "a container endpoint that is no address",
            variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "169.254.170.23/keys"],
            says: ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "not an http or https address"]
        ),
        Failure(
            name: "a pod token with a line break",
            variables: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t",
            ],
            files: ["/t": "jwt\n"],
            says: ["line break"]
        ),
        Failure(
            name: "a pod token that is missing",
            variables: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t",
            ],
            says: ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE /t", "no such file"]
        ),
        Failure(
            name: "no pod identity association",
            variables: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"
            ],
            world: { (_) throws(HTTPClientError) in
                HTTPClientReply(status: 404, body: Array("none".utf8))
            },
            says: ["answered 404", "pod identity association"]
        ),
        Failure(name: "an instance without a role", world: imds(404, 200), says: ["no IAM role"]),
        Failure(
            name: "metadata that fails",
            world: imds(200, 500),
            says: ["role r", "500"],
            isTransient: true
        ),
    ]

    @Test(arguments: failures) func failure(_ one: Failure) async {
        let chain = Self.chain(Self.environment(one.variables, one.files), FakeHTTP(one.world))
        do {
            let found = try await chain.credentials()
            Issue.record("found \(found)")
        } catch {
            for piece in one.says {
                #expect("\(error)".contains(piece), "\(error)")
            }
            #expect(error.isTransient == one.isTransient)
        }
    }

    @Test func metadataIsNotAskedWhenItIsOff() async {
        let http = FakeHTTP(Self.instanceWorld)
        let chain = Self.chain(Self.environment(["AWS_EC2_METADATA_DISABLED": "true"]), http)
        await #expect(throws: CredentialsError.self) { try await chain.credentials() }
        #expect(http.requests.isEmpty)
    }

    @Test func theTokenIsReadAnewAndSentVerbatim() async throws {
        let http = FakeHTTP(Self.world)
        let environment = Self.environment(
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/pod-token",
            ],
            ["/pod-token": "Bearer x/y+z=="]
        )
        _ = try await Self.chain(environment, http).credentials()
        #expect(http.requests.last?.header("Authorization") == "Bearer x/y+z==")
    }

    @Test func aRoleIsAskedForInASignedForm() async throws {
        let http = FakeHTTP(Self.world)
        let environment = Self.environment([
            "AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_ROLE_SESSION_NAME": "a b",
        ])
        let credentials = try await Self.chain(environment, http, roleARN: Self.role).credentials()
        let request = try #require(http.requests.first)
        #expect(
            request.text
                == "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader"
                + "&RoleSessionName=a%20b&ExternalId=ext&Version=2011-06-15"
        )
        #expect(
            request.header("Authorization")?.contains("/20260301/eu-west-1/sts/aws4_request")
                == true
        )
        #expect(credentials.accountID == "123456789012")
        #expect(credentials.expiration == Self.now + .seconds(3600))
    }

    @Test func metadataIsAskedWithASessionToken() async throws {
        let http = FakeHTTP(Self.instanceWorld)
        _ = try await Self.chain(Self.environment([:]), http).credentials()
        #expect(http.requests.first?.header("X-aws-ec2-metadata-token-ttl-seconds") == "21600")
        #expect(
            http.requests.dropFirst().allSatisfy {
                $0.header("X-aws-ec2-metadata-token") == "imds-token"
            }
        )
    }

    @Test(arguments: [
        (["AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "x"], "eu-west-3"),
        (["AWS_DEFAULT_REGION": "eu-west-2"], "eu-west-2"), (["AWS_PROFILE": "p"], "ap-south-1"),
        ([:], "eu-north-1"),
    ]) func region(_ variables: [String: String], _ region: String) async throws {
        let environment = Self.environment(
            variables,
            ["/home/t/.aws/config": "[profile p]\nregion = ap-south-1\n"]
        )
        #expect(
            try await RegionResolution.resolve(environment, http: FakeHTTP(Self.instanceWorld))
                == region
        )
    }

    @Test func noRegionSaysWhereItWasLookedFor() async {
        do {
            let region = try await RegionResolution.resolve(
                Self.environment([:]),
                http: FakeHTTP(Self.world)
            )
            Issue.record("found \(region)")
        } catch {
            #expect("\(error)".contains("AWS_REGION"))
            #expect("\(error)".contains("sources.cloudwatch regions"))
        }
    }
}

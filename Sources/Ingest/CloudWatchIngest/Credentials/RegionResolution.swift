package import HTTPClient

/// Finds the region to ask when the settings name none.
package enum RegionResolution {
    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`, then instance metadata.
    package static func resolve(
        _ environment: AWSEnvironment,
        http: any HTTPSending
    ) async throws(CredentialsError) -> String {
        if let region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] {
            return region
        }
        let profiles = try SharedProfiles(environment)
        if let region = profiles.profiles[profiles.selected]?["region"] { return region }
        let instance = InstanceMetadata(environment: environment, http: http)
        if let region = try await instance.region() { return region }
        throw CredentialsError(
            link: "region",
            reason: "not in the settings, AWS_REGION, AWS_DEFAULT_REGION, the region of profile "
                + "\"\(profiles.selected)\", nor instance metadata; set sources.cloudwatch regions"
        )
    }
}

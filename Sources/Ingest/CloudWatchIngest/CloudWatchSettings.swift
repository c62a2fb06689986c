import Timekeeping

/// One entry of `sources.cloudwatch`.
package struct CloudWatchSettings: Hashable, Sendable {
    /// Empty: the region of the environment (`AWS_REGION`, profile, instance metadata).
    package var regions: [String]
    /// A role to take with the credentials found; nil takes none.
    package var roleARN: String?
    package var externalID: String?
    /// Twelve digits for the `account_id` label; nil takes the account of `roleARN` or of the credentials.
    package var accountID: String?
    /// An address instead of AWS's own for every region, http or https.
    package var endpoint: String?
    /// Length of the periods asked for, save in namespaces that have one of their own.
    ///
    /// 1, 5, 10, 20, 30 s or
    /// whole minutes; polls come as often, or a multiple for slow namespaces.
    package var period: Duration
    /// How long after its end a period counts as settled; nil takes each namespace's own.
    package var delay: Duration?
    /// How far back each poll reads again; nil takes each namespace's own.
    package var reread: Duration?
    /// US dollars for a month, all regions together; from four fifths of it on polls are slowed, P4 first.
    ///
    /// What does not fit even so is left out, P4 first and P1 never. Nil is no limit.
    package var budgetDollarsPerMonth: Double?
    /// What AWS charges.
    package var prices: CloudWatchPrices
    /// Whether GetMetricStatistics is used where it is cheaper.
    package var usesMetricStatistics: Bool
    /// Namespaces beside the known ones: `MyApp`.
    package var namespaces: [String]
    /// Whether limits that no metric reports are looked up: connections and memory of databases, maxima of groups.
    package var looksUpLimits: Bool
    /// An address instead of AWS's own for RDS, EC2 and Auto Scaling.
    ///
    /// Nil with an `endpoint`: nothing is looked up, since that is not AWS.
    package var lookupEndpoint: String?
    /// How often the list of metrics is renewed.
    package var catalogueRefresh: Duration
    /// How far back a series is read the first time or after an outage.
    package var backfillMax: Duration
    /// Metrics polled in one region.
    package var queriesMax: Int
    /// Pages of 500 metrics read of one namespace.
    package var cataloguePagesMax: Int
    /// Pages read of one GetMetricData call.
    package var dataPagesMax: Int
    /// Data points asked for on a page; nil is AWS's own 100,800.
    package var datapointsPerPage: Int?

    package init(
        regions: [String] = [],
        roleARN: String? = nil,
        externalID: String? = nil,
        accountID: String? = nil,
        endpoint: String? = nil,
        period: Duration = .seconds(60),
        delay: Duration? = nil,
        reread: Duration? = nil,
        budgetDollarsPerMonth: Double? = 20,
        prices: CloudWatchPrices = CloudWatchPrices(),
        usesMetricStatistics: Bool = true,
        namespaces: [String] = [],
        looksUpLimits: Bool = true,
        lookupEndpoint: String? = nil,
        catalogueRefresh: Duration = .seconds(15 * 60),
        backfillMax: Duration = .seconds(6 * 3600),
        queriesMax: Int = 5000,
        cataloguePagesMax: Int = 200,
        dataPagesMax: Int = 100,
        datapointsPerPage: Int? = nil
    ) {
        self.regions = regions
        self.roleARN = roleARN
        self.externalID = externalID
        self.accountID = accountID
        self.endpoint = endpoint
        self.period = period
        self.delay = delay
        self.reread = reread
        self.budgetDollarsPerMonth = budgetDollarsPerMonth
        self.prices = prices
        self.usesMetricStatistics = usesMetricStatistics
        self.namespaces = namespaces
        self.looksUpLimits = looksUpLimits
        self.lookupEndpoint = lookupEndpoint
        self.catalogueRefresh = catalogueRefresh
        self.backfillMax = backfillMax
        self.queriesMax = queriesMax
        self.cataloguePagesMax = cataloguePagesMax
        self.dataPagesMax = dataPagesMax
        self.datapointsPerPage = datapointsPerPage
    }

    /// How long after its timestamp, the start of its period, a sample of a fast namespace has arrived.
    ///
    /// Period, delay, the moment of the poll and a few seconds for the call: 215 s for a minute and two
    /// minutes' delay. Rules that are judged this much earlier than now see every window whole.
    package var arrivalDelay: Duration {
        period + (delay ?? NamespaceProfile.unknown("").settle) + period / 2
            + min(.seconds(5), period / 2)
    }

    /// What is wrong with the settings, in words that say how to mend them; empty when nothing is.
    package var problems: [String] {
        var found: [String] = []
        let seconds = period.components.seconds
        let isWhole = period == .seconds(seconds)
        if !isWhole
            || !([1, 5, 10, 20, 30].contains(seconds) || (seconds >= 60 && seconds % 60 == 0))
        {
            found.append(
                "period \(period.prometheusText) is not one that CloudWatch has; use 1s, 5s, 10s, 20s, 30s or whole minutes"
            )
        }
        if let delay, delay < .zero { found.append("delay must not be negative") }
        if let budgetDollarsPerMonth, budgetDollarsPerMonth <= 0 {
            found.append("budget_usd_per_month must be over 0; leave it out for no limit")
        }
        if let endpoint, RequestAddress(endpoint) == nil {
            found.append("endpoint \"\(endpoint)\" is not an http or https address")
        }
        if let lookupEndpoint, RequestAddress(lookupEndpoint) == nil {
            found.append("lookup_endpoint \"\(lookupEndpoint)\" is not an http or https address")
        }
        if let roleARN, CloudWatchIngest.accountID(ofARN: roleARN) == nil {
            found.append(
                "role_arn \"\(roleARN)\" is no ARN of a role (arn:aws:iam::123456789012:role/name)"
            )
        }
        return found
    }
}

import CloudWatchIngest
import Model
import Testing

/// Names as yet-another-cloudwatch-exporter makes them.
@Suite struct SeriesNamingTests {
    /// The exporter's `BuildMetricName` gives these, worked out from its source.
    @Test(arguments: [
        ("AWS/ApplicationELB", "TargetResponseTime", "aws_applicationelb_target_response_time"),
        (
            "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count",
            "aws_applicationelb_httpcode_target_5_xx_count"
        ),
        (
            "AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count",
            "aws_applicationelb_httpcode_elb_5_xx_count"
        ),
        (
            "AWS/ApplicationELB", "HTTPCode_ELB_502_Count",
            "aws_applicationelb_httpcode_elb_502_count"
        ),
        ("AWS/ApplicationELB", "UnHealthyHostCount", "aws_applicationelb_un_healthy_host_count"),
        ("AWS/ApplicationELB", "ConsumedLCUs", "aws_applicationelb_consumed_lcus"),
        ("AWS/RDS", "DatabaseConnections", "aws_rds_database_connections"),
        ("AWS/RDS", "CPUUtilization", "aws_rds_cpuutilization"),
        ("AWS/ElastiCache", "CPUUtilization", "aws_elasticache_cpuutilization"),
        ("AWS/EBS", "BurstBalance", "aws_ebs_burst_balance"),
        ("AWS/EC2", "CPUUtilization", "aws_ec2_cpuutilization"),
        ("AWS/S3", "5xxErrors", "aws_s3_5xx_errors"),
        ("AWS/Billing", "EstimatedCharges", "aws_billing_estimated_charges"),
        ("AWS/Route53", "HealthCheckStatus", "aws_route53_health_check_status"),
        ("AWS/Kafka", "Global.Topic.Count", "aws_kafka_global_topic_count"),
        ("AWS/ES", "ClusterStatus.green", "aws_es_cluster_status_green"),
        ("ContainerInsights", "node_cpu_utilization", "aws_containerinsights_node_cpu_utilization"),
        ("ECS/ContainerInsights", "CpuUtilized", "aws_ecs_containerinsights_cpu_utilized"),
        ("CWAgent", "mem_used_percent", "aws_cwagent_mem_used_percent"),
        ("CWAgent", "% Committed", "aws_cwagent_percent_committed"),
        ("Glue", "glue.driver.aggregate.bytesRead", "aws_glue_driver_aggregate_bytes_read"),
        (
            "/aws/sagemaker/TrainingJobs", "CPUUtilization",
            "aws_sagemaker_trainingjobs_cpuutilization"
        ),
        ("AWS/Firehose", "DeliveryToS3.Success", "aws_firehose_delivery_to_s3_success"),
        ("My App", "Queue-Depth (max)", "aws_my_app_queue_depth__max_"),
    ]) func stem(namespace: String, metric: String, name: String) {
        #expect(SeriesNaming.stem(namespace: namespace, metric: metric) == name)
    }

    @Test func theSpellingWithoutASplitAfterDigitsIsKnownToo() {
        #expect(
            SeriesNaming.stems(namespace: "AWS/ApplicationELB", metric: "HTTPCode_Target_5XX_Count")
                == [
                    "aws_applicationelb_httpcode_target_5_xx_count",
                    "aws_applicationelb_httpcode_target_5xx_count",
                ]
        )
        #expect(
            SeriesNaming.stems(namespace: "AWS/RDS", metric: "CPUUtilization") == [
                "aws_rds_cpuutilization"
            ]
        )
    }

    @Test func labelsKeepTheDimensionsSpelling() {
        let metric = CloudWatchMetric(
            "AWS/RDS",
            "CPUUtilization",
            ["DBInstanceIdentifier": "db-1", "odd name/x%": "v", "Empty": ""]
        )
        #expect(
            SeriesNaming.labels(metric, region: "eu-west-1", accountID: "123456789012") == [
                "dimension_DBInstanceIdentifier": "db-1", "dimension_odd_name_x_percent": "v",
                "region": "eu-west-1", "account_id": "123456789012",
            ]
        )
        #expect(
            SeriesNaming.labels(
                CloudWatchMetric("N", "M", [:]),
                region: "us-east-1",
                accountID: nil
            )
                == ["region": "us-east-1"]
        )
    }
}

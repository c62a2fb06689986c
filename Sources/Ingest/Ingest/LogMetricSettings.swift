/// How log records become series.
package struct LogMetricSettings: Hashable, Sendable {
    /// A series gets one sample for each slot of this width, revised in place while the slot lasts.
    package var resolution: Duration
    /// A series without news repeats its value this often, so that `rate` and instant selectors see it; also how
    /// far before its first count a counter's 0 stands.
    package var heartbeat: Duration
    /// A series without events for this long is forgotten.
    package var idleMax: Duration
    /// Event times further back than this are replaced by the arrival time (`event_time: true` only).
    package var eventAgeMax: Duration
    /// How far behind the clock a series by event time is kept alive when its source is silent.
    package var eventLag: Duration
    /// Bytes of a label value; the rest is cut off.
    package var labelValueBytesMax: Int
    /// Containers within containers in JSON text.
    package var jsonDepthMax: Int

    package init(
        resolution: Duration = .seconds(1),
        heartbeat: Duration = .seconds(15),
        idleMax: Duration = .seconds(6 * 3600),
        eventAgeMax: Duration = .seconds(3600),
        eventLag: Duration = .seconds(60),
        labelValueBytesMax: Int = 256,
        jsonDepthMax: Int = 16
    ) {
        self.resolution = resolution
        self.heartbeat = heartbeat
        self.idleMax = idleMax
        self.eventAgeMax = eventAgeMax
        self.eventLag = eventLag
        self.labelValueBytesMax = labelValueBytesMax
        self.jsonDepthMax = jsonDepthMax
    }
}

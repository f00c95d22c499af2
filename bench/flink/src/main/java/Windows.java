import java.time.Duration;
import java.util.Arrays;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Windows INPUT OUTPUT PARALLELISM: sums by key in windows of 5 minutes by 1 minute, as a bounded stream in one JVM. */
public class Windows {
    static class Sum implements AggregateFunction<Tuple3<Long, String, Long>, Long, Long> {
        public Long createAccumulator() { return 0L; }
        public Long add(Tuple3<Long, String, Long> record, Long sum) { return sum + record.f2; }
        public Long getResult(Long sum) { return sum; }
        public Long merge(Long a, Long b) { return a + b; }
    }

    static class Row extends ProcessWindowFunction<Long, String, String, TimeWindow> {
        public void process(String key, Context context, Iterable<Long> sums, Collector<String> out) {
            TimeWindow window = context.window();
            out.collect(window.getStart() + "\t" + window.getEnd() + "\t" + key + "\t" + sums.iterator().next());
        }
    }

    static Tuple3<Long, String, Long> parse(String line) {
        int a = line.indexOf(','), b = line.indexOf(',', a + 1);
        return Tuple3.of(Long.parseLong(line.substring(0, a)), line.substring(a + 1, b), Long.parseLong(line.substring(b + 1)));
    }

    public static void main(String[] argv) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(Integer.parseInt(argv[2]));
        env.getConfig().enableObjectReuse();
        // Files are eighths of the hour: readers may be one apart, so the watermark waits a quarter of an hour.
        env.fromSource(FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(argv[0])).build(),
                       WatermarkStrategy.noWatermarks(), "files")
            .filter(line -> !line.startsWith("t,"))
            .map(Windows::parse).returns(Types.TUPLE(Types.LONG, Types.STRING, Types.LONG))
            .assignTimestampsAndWatermarks(WatermarkStrategy.<Tuple3<Long, String, Long>>forBoundedOutOfOrderness(Duration.ofHours(1))
                                               .withTimestampAssigner((record, t) -> record.f0))
            .keyBy(record -> record.f1)
            .window(SlidingEventTimeWindows.of(Duration.ofMinutes(5), Duration.ofMinutes(1)))
            .aggregate(new Sum(), new Row())
            .sinkTo(FileSink.forRowFormat(new Path(argv[1]), new SimpleStringEncoder<String>()).build());
        env.execute("windows");
    }
}

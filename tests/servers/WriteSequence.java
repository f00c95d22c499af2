// Writes sequence files by Hadoop's own writer, one for each class of values: DIR/<class>; keys are Text "k0", "k1" ...
// usage: java WriteSequence.java DIR MODE CODEC     NONE, RECORD or BLOCK; zlib or gzip
import java.util.function.IntFunction;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.*;
import org.apache.hadoop.io.compress.*;

public class WriteSequence {
    static final int RECORDS = 3000;

    static void write(Configuration conf, String dir, String mode, String codec, Class<?> type, IntFunction<Writable> value)
            throws Exception {
        CompressionCodec packer = codec.equals("gzip") ? new GzipCodec() : new DefaultCodec();
        ((org.apache.hadoop.conf.Configurable) packer).setConf(conf);
        try (SequenceFile.Writer out = SequenceFile.createWriter(conf,
                SequenceFile.Writer.file(new Path("file://" + dir + "/" + type.getSimpleName())),
                SequenceFile.Writer.keyClass(Text.class), SequenceFile.Writer.valueClass(type),
                SequenceFile.Writer.compression(SequenceFile.CompressionType.valueOf(mode), packer))) {
            for (int i = 0; i < RECORDS; i++)
                out.append(new Text("k" + i + (i % 7 == 0 ? " \u00e4\u4e2d" : "")), value.apply(i));
        }
    }

    public static void main(String[] args) throws Exception {
        Configuration conf = new Configuration();
        String dir = args[0], mode = args[1], codec = args[2];
        write(conf, dir, mode, codec, Text.class, i -> new Text("v" + "x".repeat(i % 300)));
        write(conf, dir, mode, codec, BytesWritable.class, i -> new BytesWritable(new byte[] {(byte) i, (byte) 0xff}));
        write(conf, dir, mode, codec, IntWritable.class, i -> new IntWritable(i * -7));
        write(conf, dir, mode, codec, LongWritable.class, i -> new LongWritable(i * 10000000000L));
        write(conf, dir, mode, codec, FloatWritable.class, i -> new FloatWritable(i / 8f));
        write(conf, dir, mode, codec, DoubleWritable.class, i -> new DoubleWritable(i / 10.0));
        write(conf, dir, mode, codec, BooleanWritable.class, i -> new BooleanWritable(i % 2 == 0));
        write(conf, dir, mode, codec, NullWritable.class, i -> NullWritable.get());
    }
}

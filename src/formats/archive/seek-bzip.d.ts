declare module 'seek-bzip' {
  interface ByteReader {
    readByte(): number;
    eof(): boolean;
  }
  interface ByteWriter {
    writeByte(byte: number): void;
  }
  const bunzip: {
    readonly Stream: new () => object;
    decode(input: ByteReader, output: ByteWriter, multistream: boolean): void;
  };
  export = bunzip;
}

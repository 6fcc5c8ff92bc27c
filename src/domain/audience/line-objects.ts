/** Uploads at once. */
const MAX_UPLOADS = 4;

/** Characters that are written into the bytes of an object together. */
const WRITTEN_AT_ONCE = 16 * 1024;

/** Bytes of an object, above which it gets no further line. */
const OBJECT_BYTES = 4 * 1024 * 1024;

/** Uploads that are on their way. */
export class Uploads {
  private readonly atWork = new Set<Promise<void>>();
  private failure?: { readonly error: unknown };

  /** Begins one, however many there are. */
  public begin(upload: Promise<void>): void {
    const work = upload
      .catch((error) => { this.failure ??= { error }; })
      .finally(() => this.atWork.delete(work));
    this.atWork.add(work);
  }

  /** Waits until another may begin. Throws what an upload threw. */
  public async room(): Promise<void> {
    while (this.atWork.size >= MAX_UPLOADS) {
      await Promise.race(this.atWork);
    }
    this.check();
  }

  /** Waits until all are done. Throws what an upload threw. */
  public async end(): Promise<void> {
    await Promise.all(this.atWork);
    this.check();
  }

  private check(): void {
    if (this.failure) {
      throw this.failure.error;
    }
  }
}

/** Lines that become objects of so many lines each, at most, numbered from 0. Buffers are used again: memory does not grow. */
export class LineObjects {
  /** Objects that are full, or were ended. */
  public count = 0;
  private readonly free: Buffer[] = [];
  private buffer: Buffer = Buffer.alloc(0);
  private bytes = 0;
  private pending = '';
  private encoding: 'latin1' | 'utf8' = 'utf8';
  private lines = 0;

  /** @param write writes an object; its bytes are used for another one when it is done */
  constructor(
    private readonly maxLines: number,
    private readonly write: (number: number, bytes: Buffer) => Promise<void>,
    private readonly uploads: Uploads,
  ) {}

  /**
   * @param line with its line feed
   * @param encoding how its characters become bytes
   */
  public add(line: string, encoding: 'latin1' | 'utf8'): void {
    if (encoding !== this.encoding) {
      this.flush();
      this.encoding = encoding;
    }
    this.pending += line;
    this.lines += 1;
    if (this.pending.length >= WRITTEN_AT_ONCE) {
      this.flush();
    }
    if (this.lines === this.maxLines || this.bytes >= OBJECT_BYTES) {
      this.upload();
    }
  }

  /** Ends the last object, which may be short. */
  public end(): void {
    if (this.lines > 0) {
      this.upload();
    }
  }

  private flush(): void {
    const { pending, bytes } = this;
    const most = bytes + (this.encoding === 'latin1' ? pending.length : pending.length * 3);
    if (most > this.buffer.length) {
      // Mostly for the first line of an object: room for an object and what its last lines may exceed it by.
      const larger = this.free.pop() ?? Buffer.allocUnsafe(OBJECT_BYTES + 8 * WRITTEN_AT_ONCE);
      const buffer = larger.length >= most ? larger : Buffer.allocUnsafe(most * 2);
      this.buffer.copy(buffer, 0, 0, bytes);
      this.buffer = buffer;
    }
    this.bytes += this.buffer.write(pending, bytes, this.encoding);
    this.pending = '';
  }

  private upload(): void {
    this.flush();
    const { buffer, bytes } = this;
    this.uploads.begin(this.write(this.count, buffer.subarray(0, bytes)).then(() => { this.free.push(buffer); }));
    this.count += 1;
    this.buffer = Buffer.alloc(0);
    this.bytes = 0;
    this.lines = 0;
  }
}

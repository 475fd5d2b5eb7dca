/**
 * Bytes that are collected until they are written together.
 */

const LEAST_BYTES = 4096

/** What is taken each time differs by less. */
const SLACK = 1.25

/** Most bytes of UTF-8 that a UTF-16 code unit takes. */
const BYTES_PER_UNIT = 3

export class ByteBuffer {
  // Made when something is added: of many files, few have bytes to write at a time.
  #bytes = Buffer.alloc(0)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  /** Room for as much as was taken last, so that a file that is written again and again is not copied as it grows. */
  #usual = LEAST_BYTES

  get length(): number {
    return this.#length
  }

  addBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Adds text as UTF-8; returns its bytes. Half of a surrogate pair becomes U+FFFD. */
  addText(text: string): number {
    this.#makeRoom(text.length * BYTES_PER_UNIT)
    const written = this.#bytes.write(text, this.#length)
    this.#length += written
    return written
  }

  /** Adds numbers of 32 bits, little-endian whatever the machine. An array of bytes for each record would cost more. */
  addWords(words: Uint32Array): void {
    this.#makeRoom(words.byteLength)
    for (const word of words) {
      this.#view.setUint32(this.#length, word, true)
      this.#length += 4
    }
  }

  /** What was added, which is no longer touched; the buffer is empty then. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#usual = Math.max(LEAST_BYTES, Math.ceil(this.#length * SLACK))
    this.#replace(Buffer.alloc(0))
    this.#length = 0
    return taken
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, this.#usual))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#replace(grown)
  }

  #replace(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }
}

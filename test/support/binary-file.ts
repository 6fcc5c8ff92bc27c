/** Stands for an imported media file, which esbuild's binary loader makes a `Uint8Array`. */
export default new Uint8Array([0x53, 0x61, 0x6d, 0x70, 0x6c, 0x65]);

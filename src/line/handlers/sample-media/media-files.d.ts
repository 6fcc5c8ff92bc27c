// esbuild's binary loader puts the files into the bundle.
declare module '*.png' {
  const bytes: Uint8Array;
  export default bytes;
}
declare module '*.m4a' {
  const bytes: Uint8Array;
  export default bytes;
}
declare module '*.mp4' {
  const bytes: Uint8Array;
  export default bytes;
}

/** What the scan uses of WebAssembly: TypeScript declares it with the types of browsers alone. */
declare global {
  namespace WebAssembly {
    class Module {
      constructor(bytes: Uint8Array);
    }
    class Instance {
      constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
      readonly exports: Readonly<Record<string, unknown>>;
    }
    class Memory {
      constructor(pages: { readonly initial: number; readonly maximum: number; readonly shared: true });
      readonly buffer: SharedArrayBuffer;
      grow(pages: number): number;
    }
  }
}

export type WasmModule = WebAssembly.Module;
export type WasmMemory = WebAssembly.Memory;

export { enterThread, type ThreadEntry } from './enter-thread.js';
export { NativeThread } from './native-thread.js';

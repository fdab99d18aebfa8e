export interface BusyData {
  readonly modelDir: string;
  readonly busyWith: 'loads' | 'runs';
}

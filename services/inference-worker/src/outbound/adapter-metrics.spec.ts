import { Registry } from '@openledger/service-host';
import { idleLoad } from '../application/engine-messages.js';
import { AdapterMetrics, residency } from './adapter-metrics.js';

describe('AdapterMetrics', () => {
  it('names a bounded number of adapters and counts the rest together', () => {
    const memoryDigests = Array.from({ length: 1_250 }, (_, at) => `digest ${at}`);
    const entries = residency({
      ...idleLoad.adapters,
      memoryDigests,
      poolDigests: ['digest 0'],
      pinnedDigests: ['digest 1'],
    });
    expect(entries).toHaveLength(1_001);
    expect(entries[0]).toEqual([{ adapter_name: 'digest 0', level: 'gpu', pinned: 'false' }, 1]);
    expect(entries[1]).toEqual([{ adapter_name: 'digest 1', level: 'cpu', pinned: 'true' }, 1]);
    expect(entries.at(-1)).toEqual([{ adapter_name: 'other', level: 'cpu', pinned: 'false' }, 250]);
  });

  it('tells loads, hits, evictions and bytes by tier, over restarts of the loader', async () => {
    const registry = new Registry();
    let evictions = 3;
    const metrics = new AdapterMetrics(registry, {
      load: () => ({ ...idleLoad.adapters, poolPagesUsed: 2, memoryBytes: 500 }),
      disk: () => ({ bytes: 700, evictions }),
      pageBytes: () => 50,
    });
    metrics.loaded(0.02, 'loaded', 'disk');
    metrics.loaded(0.02, 'failed', 'remote');
    metrics.note({ note: 'hit', tier: 'pool' });
    metrics.note({ note: 'evicted', tier: 'memory', reason: 'unload' });
    metrics.note({ note: 'pooled', seconds: 0.002 });
    await registry.metrics();
    evictions = 1;
    await registry.metrics();
    const text = await registry.metrics();
    for (const line of [
      'openlora_adapter_load_seconds_count{tier="disk",outcome="loaded"} 1',
      'openlora_adapter_load_seconds_count{tier="remote",outcome="failed"} 1',
      'openlora_adapter_load_seconds_bucket{le="0.0025",tier="memory",outcome="loaded"} 1',
      'openlora_adapter_hits_total{tier="pool"} 1',
      'openlora_adapter_hits_total{tier="disk"} 1',
      'openlora_adapter_evictions_total{tier="memory",reason="unload"} 1',
      'openlora_adapter_evictions_total{tier="disk",reason="room"} 4',
      'openlora_adapter_bytes{tier="pool"} 100',
      'openlora_adapter_bytes{tier="memory"} 500',
      'openlora_adapter_bytes{tier="disk"} 700',
    ]) {
      expect(text).toContain(line);
    }
  });
});

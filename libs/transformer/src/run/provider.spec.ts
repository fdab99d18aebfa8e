import { tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { providerPrecisions, providers, requireProvider } from './provider.js';
import { ServingSession } from './serving-session.js';

const unavailable = expect.objectContaining({ code: 'PROVIDER_UNAVAILABLE' });

describe('providers', () => {
  it('cpu computes everywhere', async () => {
    await expect(requireProvider('cpu')).resolves.toBeUndefined();
  });

  it('one that the runtime was not built with is refused by name', async () => {
    await expect(requireProvider('cuda', ['cpu', 'webgpu'])).rejects.toEqual(unavailable);
    await expect(requireProvider('cuda', ['cpu', 'webgpu'])).rejects.toThrow('built for cpu, webgpu');
  });

  it('one without libraries or a device is refused before a model is opened', async () => {
    const config = tinyModels.llama;
    for (const provider of providers.filter((name) => name !== 'cpu')) {
      const opened = await ServingSession.open(config, tinyWeights(config), { maxLength: 16, provider }).then(
        (session) => session,
        (error: unknown) => error,
      );
      // Where a machine has the device, the model runs on it.
      if (opened instanceof ServingSession) {
        const { logits } = await opened.step([{ tokens: [1, 2] }]);
        expect(logits.data.every(Number.isFinite)).toBe(true);
        await opened.release();
      } else expect(opened).toEqual(unavailable);
    }
  });

  it('each has float32, and no graphics processor is given the 8-bit product', () => {
    for (const provider of providers) expect(providerPrecisions[provider]).toContain('float32');
    expect(providerPrecisions.webgpu).not.toContain('int8');
    expect(providerPrecisions.cuda).not.toContain('int8');
  });
});

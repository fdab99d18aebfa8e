import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { callerGone } from './server-sent-events.js';

const response = () => new ServerResponse(new IncomingMessage(new Socket()));

describe('callerGone', () => {
  it('is told when the connection closes', () => {
    const open = response();
    const gone = callerGone(open);
    expect(gone.aborted).toBe(false);
    open.emit('close');
    expect(gone.aborted).toBe(true);
  });

  it('knows of a caller who left before anybody asked', () => {
    const closed = response();
    closed.destroy();
    expect(callerGone(closed).aborted).toBe(true);
  });
});

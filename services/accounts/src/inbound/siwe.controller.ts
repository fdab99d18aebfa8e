import { Body, Controller, Delete, HttpCode, Inject, Post } from '@nestjs/common';
import { Authenticated, Caller, type Principal, Public } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { LogIn } from '../application/log-in.js';
import { RevokeCredential } from '../application/revoke-credential.js';

const LoginBody = z.strictObject({
  message: z.string().max(4_096),
  signature: z.string().max(1_024),
  displayName: z.string().trim().min(1).max(80).optional(),
});

@Controller('siwe')
export class SiweController {
  constructor(
    @Inject(LogIn) private readonly logIn: LogIn,
    @Inject(RevokeCredential) private readonly revoke: RevokeCredential,
  ) {}

  /** What an ERC-4361 message to us must say. */
  @Public()
  @Post('nonce')
  @HttpCode(200)
  nonce() {
    const { nonce, domain, uri, chainId, issuedAt, expiresAt } = this.logIn.begin();
    return { nonce, domain, uri, version: '1', chainId, issuedAt, expirationTime: expiresAt };
  }

  @Public()
  @Post('verify')
  @HttpCode(200)
  async verify(@Body() body: unknown) {
    const { token, expiresAt, person, registered } = await this.logIn.run(parse(LoginBody, body));
    return { token, expiresAt, registered, ...person };
  }

  /** Logs out. */
  @Authenticated()
  @Delete('session')
  @HttpCode(204)
  async logOut(@Caller() caller: Principal): Promise<void> {
    await this.revoke.run(caller.personId, caller.credentialId);
  }
}

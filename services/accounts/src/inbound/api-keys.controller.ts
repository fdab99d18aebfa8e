import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { Caller, type Principal, RequireScope, SCOPES } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { CreateApiKey } from '../application/create-api-key.js';
import { AccountsStore, type Credential } from '../application/ports.js';
import { RevokeCredential } from '../application/revoke-credential.js';

const PER_MINUTE_MAX = 1_000_000_000;
const perMinute = z.number().int().min(1).max(PER_MINUTE_MAX).exactOptional();

const ApiKeyBody = z.strictObject({
  name: z.string().trim().min(1).max(80),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .transform((scopes) => [...new Set(scopes)]),
  organisationId: z.uuid().optional(),
  limits: z.strictObject({ requestsPerMinute: perMinute, tokensPerMinute: perMinute }).optional(),
  expiresInDays: z.number().int().min(1).max(3_650).optional(),
});

/** Keys belong to the person who made them. */
@Controller('api-keys')
export class ApiKeysController {
  constructor(
    @Inject(AccountsStore) private readonly store: AccountsStore,
    @Inject(CreateApiKey) private readonly createApiKey: CreateApiKey,
    @Inject(RevokeCredential) private readonly revokeCredential: RevokeCredential,
  ) {}

  /** The only answer that holds the key itself. */
  @RequireScope('keys:write')
  @Post()
  async create(@Body() body: unknown, @Caller() caller: Principal) {
    const held = await this.store.findHolder(caller.credentialId);
    const { key, credential } = await this.createApiKey.run(parse(ApiKeyBody, body), {
      ...caller,
      boundToOrganisation: held?.credential.kind !== 'session',
    });
    return { key, ...shown(credential) };
  }

  @RequireScope('keys:write')
  @Get()
  async list(@Caller() caller: Principal) {
    const keys = await this.store.apiKeysOf(caller.personId);
    return { items: keys.map(shown) };
  }

  @RequireScope('keys:write')
  @Delete(':id')
  @HttpCode(204)
  async revoke(@Param('id') id: string, @Caller() caller: Principal): Promise<void> {
    await this.revokeCredential.run(caller.personId, id);
  }
}

const shown = (key: Credential) => ({
  id: key.credentialId,
  name: key.name,
  scopes: key.scopes,
  limits: {
    requestsPerMinute: key.limits.requestsPerMinute ?? null,
    tokensPerMinute: key.limits.tokensPerMinute ?? null,
  },
  organisationId: key.organisationId ?? null,
  createdAt: key.createdAt,
  expiresAt: key.expiresAt ?? null,
  lastUsedAt: key.lastUsedAt ?? null,
});

import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { Authenticated, Caller, type Principal, RequireScope } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { CreateOrganisation } from '../application/create-organisation.js';
import { AccountsStore } from '../application/ports.js';

const OrganisationBody = z.strictObject({ name: z.string().trim().min(1).max(120) });

@Controller()
export class PeopleController {
  constructor(
    @Inject(AccountsStore) private readonly store: AccountsStore,
    @Inject(CreateOrganisation) private readonly createOrganisation: CreateOrganisation,
  ) {}

  @Authenticated()
  @Get('me')
  async me(@Caller() caller: Principal) {
    const [person, organisations] = await Promise.all([
      this.store.personOf(caller.personId),
      this.store.organisationsOf(caller.personId),
    ]);
    return {
      ...person,
      organisations,
      /** The one that this credential acts for. */
      organisationId: caller.organisationId ?? null,
      scopes: [...caller.scopes],
    };
  }

  @RequireScope('organisations:write')
  @Post('organisations')
  create(@Body() body: unknown, @Caller() caller: Principal) {
    return this.createOrganisation.run(parse(OrganisationBody, body).name, caller);
  }
}

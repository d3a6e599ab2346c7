// Models of a person's own that are kept in this browser, so that they need not be chosen again, nor a network be there.

import { reasonOf } from '../../persist/library';
import type { Core } from '../core';
import { hashOfModel } from './identity';
import type { Keeping } from './keeping';

export class OwnModels {
  constructor(
    private readonly core: Core,
    private readonly keeping: Keeping,
  ) {}

  /** The model that is loaded is kept, or no longer. */
  async keep(on: boolean): Promise<void> {
    const { model } = this.core.store.state;
    if (model.kind !== 'ready' || model.origin.kind !== 'file') return;
    const { file } = model.origin;
    if (!on) return this.remove(file);
    try {
      await (await this.keeping.library).keepModel({ key: await hashOfModel(file), file });
      void navigator.storage?.persist?.();
    } catch (error) {
      this.core.store.update({ notice: `${file.name} is not kept: ${reasonOf(error)}.` });
    }
    await this.keeping.list();
  }

  async remove(file: File): Promise<void> {
    await (await this.keeping.library).removeModel(await hashOfModel(file));
    await this.keeping.list();
  }
}

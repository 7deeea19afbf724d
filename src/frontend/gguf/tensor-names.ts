/**
 * Names of a decoder's tensors in GGUF files. Architectures know Hugging Face's names, with `{layer}` for
 * the number of a layer; a file's own names stand in the graph, in messages and in what `explain` prints.
 */

const outer: ReadonlyMap<string, string> = new Map([
  ["model.embed_tokens", "token_embd"],
  ["model.norm", "output_norm"],
  ["lm_head", "output"],
]);

const inLayer: ReadonlyMap<string, string> = new Map([
  ["input_layernorm", "attn_norm"],
  ["self_attn.q_proj", "attn_q"],
  ["self_attn.k_proj", "attn_k"],
  ["self_attn.v_proj", "attn_v"],
  ["self_attn.o_proj", "attn_output"],
  ["self_attn.q_norm", "attn_q_norm"],
  ["self_attn.k_norm", "attn_k_norm"],
  ["post_attention_layernorm", "ffn_norm"],
  ["mlp.gate_proj", "ffn_gate"],
  ["mlp.up_proj", "ffn_up"],
  ["mlp.down_proj", "ffn_down"],
]);

/** A name that GGUF has no other word for stays as it is. */
export function ggufName(name: string): string {
  const [, stem = "", suffix = ""] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const [, layer = "", part = ""] = /^model\.layers\.(\{layer\}|\d+)\.(.*)$/.exec(stem) ?? [];
  const inner = inLayer.get(part);
  if (inner !== undefined) return `blk.${layer}.${inner}.${suffix}`;
  const found = outer.get(stem);
  return found === undefined ? name : `${found}.${suffix}`;
}

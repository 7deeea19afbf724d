#!/usr/bin/env python3
"""Trains the tokenizer and the model of tiny-stories on the text of generate.py.

    python train.py                     # train and save into this folder
    python train.py --out build/model   # train and save somewhere else
    python train.py --evaluate          # losses of the saved float16 weights
    python train.py --sample "One day"  # greedy text of the saved weights
    python train.py --expected          # write expected.json

The model is a Llama: RMSNorm, rotate-half RoPE, grouped-query attention, SwiGLU,
tied embeddings. Files are in the Hugging Face layout.
Licence: MIT.
"""

import argparse
import json
import math
import os
import re
import resource
import tempfile
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import generate

HERE = os.path.dirname(os.path.abspath(__file__))
BOS, EOS = 0, 1
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 2048,
    "hidden_size": 128,
    "intermediate_size": 352,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "use_cache": True,
    "torch_dtype": "float16",
}

# --------------------------------------------------------------------------
# Tokenizer
# --------------------------------------------------------------------------


def train_tokenizer(texts, vocab_size):
    """A byte-level BPE. BOS is added by the post-processor, EOS is not."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tok.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS)])
    assert tok.token_to_id("<s>") == BOS and tok.token_to_id("</s>") == EOS
    return tok


def encode_all(tok, texts):
    """One array of ids per story: BOS ... EOS."""
    return [np.array(e.ids + [EOS], dtype=np.int64) for e in tok.encode_batch(list(texts))]


# --------------------------------------------------------------------------
# Model
# --------------------------------------------------------------------------


class RMSNorm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope(x, cos, sin):
    """Rotate-half: element i is paired with element i + d/2."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.h, self.kv, self.d = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        n = c["hidden_size"]
        self.q_proj = nn.Linear(n, self.h * self.d, bias=False)
        self.k_proj = nn.Linear(n, self.kv * self.d, bias=False)
        self.v_proj = nn.Linear(n, self.kv * self.d, bias=False)
        self.o_proj = nn.Linear(self.h * self.d, n, bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        q = rope(self.q_proj(x).view(b, t, self.h, self.d).transpose(1, 2), cos, sin)
        k = rope(self.k_proj(x).view(b, t, self.kv, self.d).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(b, t, self.kv, self.d).transpose(1, 2)
        k = k.repeat_interleave(self.h // self.kv, dim=1)
        v = v.repeat_interleave(self.h // self.kv, dim=1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, self.h * self.d))


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        n, m = c["hidden_size"], c["intermediate_size"]
        self.gate_proj = nn.Linear(n, m, bias=False)
        self.up_proj = nn.Linear(n, m, bias=False)
        self.down_proj = nn.Linear(m, n, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn = Attention(c)
        self.mlp = MLP(c)
        self.input_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])
        self.post_attention_layernorm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RMSNorm(c["hidden_size"], c["rms_norm_eps"])


class Llama(nn.Module):
    """The state_dict has the Hugging Face names. The head is the embedding."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.model = Body(c)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                # Wide enough that attention is not uniform at the start.
                std = p.shape[1] ** -0.5
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    std /= math.sqrt(2 * c["num_hidden_layers"])
                nn.init.normal_(p, std=std)
        # Attention begins as a weak copy: the output matrix of a head is the
        # transpose of its value matrix, so what is attended to becomes likely.
        for layer in self.model.layers:
            a = layer.self_attn
            nn.init.orthogonal_(a.v_proj.weight)
            v = a.v_proj.weight.data.view(a.kv, a.d, -1).repeat_interleave(a.h // a.kv, dim=0)
            a.o_proj.weight.data.copy_(0.5 * v.reshape(a.h * a.d, -1).T)

    def forward(self, ids):
        x = self.model.embed_tokens(ids)
        d = self.c["head_dim"]
        inv = self.c["rope_theta"] ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        angle = torch.arange(ids.shape[1], dtype=torch.float64)[:, None] * inv[None, :]
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        return F.linear(self.model.norm(x), self.model.embed_tokens.weight)


# --------------------------------------------------------------------------
# Save and load
# --------------------------------------------------------------------------


def save_json(path, value):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, indent=2, ensure_ascii=False)
        f.write("\n")


def save(model, tok, out):
    """Writes the folder. Every file is written beside its place and renamed."""
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as tmp:
        state = {k: v.detach().to(torch.float16).contiguous() for k, v in model.state_dict().items()}
        assert all(torch.isfinite(v).all() for v in state.values())
        save_file(state, os.path.join(tmp, "model.safetensors"), metadata={"format": "pt"})
        save_json(os.path.join(tmp, "config.json"), model.c)
        save_json(os.path.join(tmp, "generation_config.json"), {
            "bos_token_id": BOS, "eos_token_id": EOS, "do_sample": False,
            "max_length": model.c["max_position_embeddings"]})
        save_json(os.path.join(tmp, "tokenizer_config.json"), {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>",
            "add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False,
            "model_max_length": model.c["max_position_embeddings"]})
        tok.save(os.path.join(tmp, "tokenizer.json"), pretty=False)
        for name in os.listdir(tmp):
            os.chmod(os.path.join(tmp, name), 0o644)
            os.replace(os.path.join(tmp, name), os.path.join(out, name))


def load(folder, dtype=torch.float64):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    model = Llama(config)
    model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")))
    return model.to(dtype).eval(), Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))


# --------------------------------------------------------------------------
# Evaluation
# --------------------------------------------------------------------------


@torch.no_grad()
def nll(model, docs, batch=16):
    """Sum of -log p in nats and number of predicted tokens, for each story alone.

    The first token, BOS, is given. EOS is predicted. Stories are right-padded;
    with causal attention the padding changes nothing.
    """
    order = sorted(range(len(docs)), key=lambda i: len(docs[i]))
    result = [None] * len(docs)
    for i in range(0, len(order), batch):
        part = order[i:i + batch]
        n = max(len(docs[j]) for j in part)
        ids = torch.full((len(part), n), EOS)
        for row, j in enumerate(part):
            ids[row, :len(docs[j])] = torch.from_numpy(docs[j])
        logits = model(ids[:, :-1])
        losses = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        for row, j in enumerate(part):
            result[j] = (losses[row, :len(docs[j]) - 1].sum().item(), len(docs[j]) - 1)
    return result


def mean_nll(model, docs):
    r = nll(model, docs)
    tokens = sum(n for _, n in r)
    return sum(x for x, _ in r) / tokens, tokens


@torch.no_grad()
def greedy(model, ids, count):
    """Up to `count` new ids. Stops after EOS. Also gives, for every id, the gap
    between the best and the second logit, which says how safe the choice is."""
    ids, new, gaps = list(ids), [], []
    for _ in range(count):
        logits = model(torch.tensor([ids]))[0, -1]
        assert torch.isfinite(logits).all()
        top = logits.topk(2)
        gaps.append((top.values[0] - top.values[1]).item())
        ids.append(top.indices[0].item())
        new.append(ids[-1])
        if ids[-1] == EOS:
            break
    return new, gaps


PROMPTS = ["Once upon a time", "One day, a little girl named Lily", "There was a brave fox", "It was a cold morning"]


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def evaluate(folder, count):
    model, tok = load(folder)
    print(f"parameters {parameters(model):,}, vocabulary {tok.get_vocab_size()}, "
          f"model.safetensors {os.path.getsize(os.path.join(folder, 'model.safetensors')):,} bytes")
    for name, seed in (("train", generate.TRAIN_SEED), ("validation", generate.VALID_SEED)):
        texts = list(generate.stories(seed, count))
        assert all(tok.decode(tok.encode(t).ids) == t for t in texts), "the tokenizer does not round trip"
        docs = encode_all(tok, texts)
        loss, tokens = mean_nll(model, docs)
        print(f"{name} loss {loss:.4f} nats/token over {count} stories, {tokens:,} tokens "
              f"({tokens / sum(map(len, texts)):.3f} tokens/character)")


def sample(folder, prompt, count):
    model, tok = load(folder)
    new, gaps = greedy(model, tok.encode(prompt).ids, count)
    print(prompt + tok.decode(new))
    print(f"[{len(new)} tokens{', ends with EOS' if new[-1] == EOS else ''}, smallest logit gap {min(gaps):.4f}]")


def expected(folder, count):
    """Reference values for tests, computed in float64 from the float16 weights."""
    model, tok = load(folder)
    out = {
        "about": "float64 reference over the float16 weights of model.safetensors; written by train.py --expected. "
                 "ids: the new tokens of greedy decoding. logit_gaps: best minus second logit at each of them. "
                 "validation: sums of -log p in nats; BOS is given, EOS is predicted.",
        "greedy": [],
        "validation": {},
    }
    for prompt in PROMPTS:
        ids = tok.encode(prompt).ids
        new, gaps = greedy(model, ids, 120)
        out["greedy"].append({"prompt": prompt, "prompt_ids": ids, "max_new_tokens": 120, "ids": new,
                              "ends_with_eos": new[-1] == EOS, "text": tok.decode(new),
                              "smallest_logit_gap": min(gaps), "logit_gaps": [round(g, 4) for g in gaps]})
    texts = list(generate.stories(generate.VALID_SEED, count))
    docs = encode_all(tok, texts)
    r = nll(model, docs)
    tokens = sum(n for _, n in r)
    out["validation"] = {
        "seed": generate.VALID_SEED, "stories": count, "predicted_tokens": tokens,
        "nll_per_token": sum(x for x, _ in r) / tokens,
        "first": [{"text": texts[i], "ids": docs[i].tolist(), "predicted_tokens": r[i][1], "nll_sum": r[i][0]}
                  for i in range(3)],
    }
    tmp = os.path.join(folder, "expected.json.tmp")
    with open(tmp, "w", encoding="utf-8") as f:
        f.write(compact_json(out))
    os.replace(tmp, os.path.join(folder, "expected.json"))


def compact_json(value):
    """Indented JSON with lists of numbers on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r"\[\s*(-?\d[-+.eE\d\s,]*?)\s*\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", text) + "\n"


# --------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------


def rows_of(docs, width):
    """Rows of width + 1 ids. Each row begins with the BOS of a story and is
    filled with whole stories and the beginning of one more."""
    rows, row = [], []
    for d in docs:
        row.append(d)
        if sum(map(len, row)) >= width + 1:
            rows.append(np.concatenate(row)[:width + 1])
            row = []
    return torch.from_numpy(np.stack(rows))


def train(args):
    started = time.time()
    torch.manual_seed(args.seed)
    print("text", flush=True)
    tok = train_tokenizer(generate.stories(generate.TRAIN_SEED, 20_000), CONFIG["vocab_size"])
    docs = encode_all(tok, generate.stories(generate.TRAIN_SEED, args.stories))
    valid = encode_all(tok, generate.stories(generate.VALID_SEED, 100))
    rows = rows_of(docs, args.context)
    rows = rows[torch.randperm(len(rows))]
    extra = rows_of(encode_all(tok, generate.drills(generate.TRAIN_SEED, 3 * args.drill_steps * args.batch)), args.drill_context)
    assert len(extra) >= args.drill_steps * args.batch
    config = dict(CONFIG, vocab_size=tok.get_vocab_size())
    model = Llama(config)
    steps = args.steps or args.drill_steps + len(rows) // args.batch
    print(f"stories {len(docs):,}, tokens {sum(map(len, docs)):,}, rows {len(rows):,} of {args.context}, "
          f"steps {steps:,}, parameters {parameters(model):,}, {time.time() - started:.0f} s", flush=True)
    # The embeddings learn at a lower rate. Every step moves all names the same
    # way, so at a high rate they become alike and are hard to tell apart.
    embed = [model.model.embed_tokens.weight]
    decay = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    plain = [p for p in model.parameters() if p.dim() != 2]
    opt = torch.optim.AdamW([{"params": decay, "rate": 1.0, "weight_decay": args.weight_decay},
                             {"params": plain, "rate": 1.0, "weight_decay": 0.0},
                             {"params": embed, "rate": args.embed_rate, "weight_decay": 0.0}],
                            lr=args.lr, betas=(0.9, 0.98), eps=1e-9)
    begun, average, seen = time.time(), None, 0
    for step in range(steps):
        lr = args.lr * min(1.0, (step + 1) / args.warmup)
        if step >= args.warmup:
            t = (step - args.warmup) / max(1, steps - args.warmup)
            lr = args.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * t)))
        for g in opt.param_groups:
            g["lr"] = lr * g["rate"]
        if step < args.drill_steps:
            x = extra[step * args.batch:(step + 1) * args.batch]
        else:
            at = ((step - args.drill_steps) * args.batch) % (len(rows) - args.batch + 1)
            x = rows[at:at + args.batch]
        logits = model(x[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), x[:, 1:].reshape(-1))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        seen += x[:, 1:].numel()
        average = loss.item() if average is None else 0.95 * average + 0.05 * loss.item()
        if (step + 1) % args.log == 0 or step + 1 == steps:
            spent = time.time() - begun
            print(f"step {step + 1:5d}  loss {average:.4f}  lr {lr:.2e}  tokens {seen:,}  {seen / spent:,.0f} tokens/s  {spent:.0f} s", flush=True)
        if args.save_every and (step + 1) % args.save_every == 0 and step + 1 < steps:
            print(f"step {step + 1:5d}  validation {mean_nll(model, valid)[0]:.4f}", flush=True)
            save(model, tok, args.out)
    save(model, tok, args.out)
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    print(f"wall {time.time() - started:.0f} s, of that training {time.time() - begun:.0f} s, "
          f"processor {cpu.ru_utime + cpu.ru_stime:.0f} s, threads {torch.get_num_threads()}", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=HERE, help="folder of the model")
    ap.add_argument("--evaluate", action="store_true")
    ap.add_argument("--sample", metavar="PROMPT")
    ap.add_argument("--expected", action="store_true")
    ap.add_argument("--count", type=int, default=500, help="stories for --evaluate and --expected")
    ap.add_argument("--length", type=int, default=240, help="tokens for --sample")
    ap.add_argument("--stories", type=int, default=39_000, help="training stories")
    ap.add_argument("--steps", type=int, default=0, help="0: the drills and one pass over the stories")
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--context", type=int, default=256)
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--embed-rate", type=float, default=0.5, help="learning rate of the embeddings, times --lr")
    ap.add_argument("--warmup", type=int, default=100)
    ap.add_argument("--weight-decay", type=float, default=0.05)
    ap.add_argument("--drill-steps", type=int, default=600, help="first steps, on drills")
    ap.add_argument("--drill-context", type=int, default=96, help="row length of the drills")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--log", type=int, default=100)
    ap.add_argument("--save-every", type=int, default=0, help="also save every N steps")
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    if args.evaluate:
        evaluate(args.out, args.count)
    elif args.sample is not None:
        sample(args.out, args.sample, args.length)
    elif args.expected:
        expected(args.out, args.count)
    else:
        train(args)


if __name__ == "__main__":
    main()

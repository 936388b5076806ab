//! Makers and hosts of models.

use super::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::new("anthropic-key", &["sk-ant-"], 30, r"sk-ant-[A-Za-z0-9_-]{24,}"),
    Rule::new(
        "openai-key",
        &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-none-", "sk-service-"],
        30,
        r"sk-(?:proj|svcacct|admin|None|service)-[A-Za-z0-9_-]{20,}",
    ),
    Rule::new("openai-key", &["sk-"], 35, r"sk-[A-Za-z0-9]{32,64}\b").entropy(3.2),
    Rule::new("openrouter-key", &["sk-or-"], 50, r"sk-or-(?:v1-)?[a-f0-9]{40,64}"),
    Rule::new("langfuse-key", &["sk-lf-"], 42, r"sk-lf-[a-f0-9]{8}-[a-f0-9-]{27}"),
    Rule::new("huggingface-token", &["hf_", "api_org_"], 37, r"(?:hf|api_org)_[A-Za-z0-9]{34,40}\b"),
    Rule::new("groq-key", &["gsk_"], 50, r"gsk_[A-Za-z0-9]{46,60}"),
    Rule::new("xai-key", &["xai-"], 60, r"xai-[A-Za-z0-9_-]{60,}"),
    Rule::new("perplexity-key", &["pplx-"], 45, r"pplx-[A-Za-z0-9]{40,60}"),
    Rule::new("replicate-token", &["r8_"], 40, r"r8_[A-Za-z0-9]{37}"),
    Rule::new("langsmith-key", &["lsv2_", "ls__"], 36, r"(?:lsv2_[a-z]{2}_[a-f0-9]{32}_[a-f0-9]{10}|ls__[a-f0-9]{32})"),
    Rule::new("tavily-key", &["tvly-"], 24, r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{16,48}"),
    Rule::new("pinecone-key", &["pcsk_"], 60, r"pcsk_[A-Za-z0-9_]{50,90}"),
    Rule::new("elevenlabs-key", &["sk_"], 51, r"sk_[a-f0-9]{48}\b"),
    Rule::new("fireworks-key", &["fw_"], 24, r"fw_[A-Za-z0-9]{21,32}\b").entropy(3.2),
    Rule::new("cerebras-key", &["csk-"], 40, r"csk-[a-z0-9]{40,60}"),
    Rule::new("nvidia-key", &["nvapi-"], 60, r"nvapi-[A-Za-z0-9_-]{54,80}"),
    Rule::new("voyage-key", &["pa-"], 40, r"pa-[A-Za-z0-9_-]{43}\b").entropy(3.8),
    Rule::new("firecrawl-key", &["fc-"], 35, r"fc-[a-f0-9]{32}\b"),
    Rule::new("wandb-key", &["wandb_v1_"], 40, r"wandb_v1_[A-Za-z0-9_-]{30,}"),
];

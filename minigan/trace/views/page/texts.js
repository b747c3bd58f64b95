// What the page explains, in English and Chinese; and the language that is chosen. Titles, labels and notes: chinese.js.

const LANGUAGES = {};

LANGUAGES.en = {
  colon: ": ", comma: ", ", look: "Look at", lesson: (number) => `Lesson ${number}`, source: "Source", moreFunctions: (n) => n === 1 ? "and one more function" : `and ${n} more functions`,
  forwardFormula: "forward", backwardFormula: "backward", updateFormula: "update", drawnFormula: "drawn",
  lessons: {
    1: "A GAN on a line", 2: "The chain rule", 3: "Tensors and broadcasting", 4: "The dense layer", 5: "Activations", 6: "Binary cross-entropy",
    7: "Convolution", 8: "Transposed convolution", 9: "Batch normalisation", 10: "The border",
    11: "Descent, momentum, Adam", 12: "The DCGAN, one rule at a time", 13: "When D wins", 14: "Mode collapse, measured", 15: "WGAN", 16: "Spectral norm",
    17: "Conditional: one noise, ten labels", 18: "How good is it?", 19: "A clinic of sick runs", 20: "Attention and growing",
  },
  // Of each function: what to look at on the way forward, and on the way back.
  looks: {
    Conv2d: ["Each channel of the output is one kernel slid over the input: where it fits, the output is far from 0.",
      "The gradient at the input is the gradient at the output, spread by the same kernels: each pixel adds up what all windows over it send."],
    ConvTranspose2d: ["The image grows: each pixel of the input stamps a kernel into the output, and stamps that overlap add up.",
      "The image shrinks: each pixel of the input gathers the gradient under its own stamp, as a convolution does."],
    Dense: ["Every number of the output adds up all numbers of the input, each times a weight: places are lost, all is mixed.",
      "The gradient at the input is dy W: each number gathers from all outputs, by the weights that it went out by."],
    BatchNorm: ["Each channel leaves with the mean and deviation that γ and β ask for, whatever came in. Compare std before and after.",
      "Two parts of the gradient vanish: what would shift a channel as a whole, and what would scale it. Its mean is 0 here."],
    LayerNorm: ["Each sample leaves with mean 0 and deviation 1, by itself: other samples do not matter.",
      "What would shift or scale a whole sample vanishes from its gradient."],
    InstanceNorm: ["Each channel of each sample leaves with mean 0 and deviation 1.", "What would shift or scale a whole channel of a sample vanishes."],
    PixelNorm: ["At each pixel the channels are scaled to length 1 per channel: no signal can grow from layer to layer.",
      "What would only lengthen a pixel's numbers vanishes; what turns them passes."],
    Softmax: ["The numbers along an axis become shares of 1: look where they gather.", "The gradient of a share counts only as it differs from the mean of all."],
    BinaryCrossEntropyWithLogits: ["What D pays for its answers: ln 2 = 0.693 for “I do not know”, nothing for the truth, more and more for a confident mistake.",
      "The gradient at a logit is σ(l) − t, over the number of samples: it never exceeds 1, and is largest where D is most wrong."],
    Softplus: ["ln(1 + eˣ): close to 0 far left, close to x far right.", "Its slope is σ(x): where it is near 0, no gradient passes."],
    LeakyReLU: ["Negative numbers are made small (for ReLU: exactly 0, see “zeros”), positive ones pass.",
      "The gradient passes where the input was positive; elsewhere it is made small, or (for ReLU) exactly 0: look at “zeros”."],
    Tanh: ["All numbers are pressed into −1 … 1, the range of the images. At the ends the curve is flat.",
      "Each gradient is multiplied by 1 − y²: a pixel that is quite black or white gets hardly any."],
    Sigmoid: ["All numbers are pressed into 0 … 1. At the ends the curve is flat.", "Each gradient is multiplied by y (1 − y), at most ¼."],
    MaskMul: ["A mask of 0 and 1/(1 − p) (dropout) silences some numbers: compare “zeros” before and after.", "The same mask is laid on the gradient: what was silent learns nothing."],
    GateMul: ["A mask silences some numbers: compare “zeros” before and after.", "The same mask is laid on the gradient: what was silent learns nothing."],
    MatMul: ["A product of two arrays, both of which depend on the input: look at how the norm changes.", "Each factor's gradient is the other factor times dy."],
    Concatenate: ["Arrays side by side: nothing is computed.", "The gradient is cut where the arrays were joined."],
    AvgPool2d: ["Each window becomes its mean: the image shrinks.", "Each pixel of a window gets the same part of the gradient."],
    UpsampleNearest2d: ["Each pixel is repeated: the image grows, and nothing is added to it.", "The gradients of a pixel's copies add up."],
    Reshape: ["The same numbers in another shape: the norm stays.", "The same gradient in the input's shape: the norm stays."],
    GetItem: ["Some of the numbers are taken (an embedding: a row for each label).", "The gradient goes to where the numbers were taken from; all else gets 0."],
    Mean: ["Many numbers become their mean.", "Each number gets the same part of the gradient: 1/n."],
  },
  pixel: {
    title: "A pixel, and what it adds up from", asks: "Pixels: arrow keys move, page up and down change the channel",
    hint: "Point at a pixel of the picture above, or go there with Tab and the arrow keys.",
    at: (c, y, x) => `channel ${c}, row ${y}, column ${x}`, others: (n) => `${n} more channels`, channel: (k) => `channel ${k}`, bias: "bias", sum: "sum",
    window: "window", weights: "weights", products: "products", most: "adds most",
    notKept: (n) => `The numbers are kept for the first ${n === 1 ? "channel" : `${n} channels`} of the first sample.`,
  },
  looksOtherwise: ["Compare the norm and the histogram before and after.", "Compare the norm of the gradient that comes in with that of the gradient that goes out: does it grow, or vanish?"],
  looksAt: {
    enter: "This comes from outside, and nothing is learnt about it: no gradient is wanted here.",
    noise: "Noise, drawn anew in every step: G makes a sample of each row of it. No gradient is wanted here, for noise does not learn.",
    reals: (data) => `Real samples${data ? ` from ${data}` : ""}, another batch in every step. D is shown them, G never is. No gradient is wanted here, for data do not learn.`,
    loss: "One number says how well a player does. All gradients of its turn begin here.",
    backLoss: "The way back begins at the loss, with ∂L/∂L = 1.",
    update: "Only now do weights change. Compare update / weight of the layers: far above 0.001 is restless, far below it nothing is learnt.",
    forwardBorder: { detached: "The numbers are the same on both sides. What differs is the way back: here it is walled off.",
      carried: "The numbers are the same on both sides, and the gradient will be met here on its way back.",
      attached: "The numbers are the same on both sides, and one graph leads through." },
    backBorder: { detached: "D learns to tell these fakes, and G must not learn from that: what arrives stops here.",
      carried: "The two norms, and the difference of all numbers: what leaves D's input is what enters G's output. This is all that G ever learns of the real data.",
      attached: "The two norms: what leaves one network's input enters the other's output." },
  },
};

LANGUAGES.zh = {
  colon: "：", comma: "，", look: "请看", lesson: (number) => `第 ${number} 课`, source: "源代码", moreFunctions: (n) => `另有 ${n} 个函数`,
  forwardFormula: "前向", backwardFormula: "反向", updateFormula: "更新", drawnFormula: "抽取",
  lessons: {
    1: "一条线上的 GAN", 2: "链式法则", 3: "张量与广播", 4: "全连接层", 5: "激活函数", 6: "二元交叉熵", 7: "卷积", 8: "转置卷积", 9: "批量归一化", 10: "边界",
    11: "梯度下降、动量、Adam", 12: "DCGAN，一条一条来", 13: "当 D 赢了", 14: "模式崩溃，量一量", 15: "WGAN", 16: "谱归一化",
    17: "条件 GAN：一个噪声，十个标签", 18: "怎样打分", 19: "病例诊室", 20: "注意力与渐进增长",
  },
  looks: {
    Conv2d: ["输出的每个通道是一个卷积核在输入上滑动的结果：越吻合的地方，输出离 0 越远。", "输入处的梯度是输出处的梯度经同样的卷积核散开的结果：每个像素把覆盖它的所有窗口送来的梯度加起来。"],
    ConvTranspose2d: ["图像变大：输入的每个像素把卷积核“盖印”到输出上，重叠处相加。", "图像变小：输入的每个像素收集自己印记之下的梯度，与卷积相同。"],
    Dense: ["输出的每个数是输入所有数的加权和：位置信息消失，一切混合。", "输入处的梯度是 dy W：每个数按当初送出时的权重从所有输出收回梯度。"],
    BatchNorm: ["无论输入如何，每个通道的均值和标准差都由 γ 和 β 决定。请比较前后的标准差。", "梯度中有两部分消失：使整个通道平移的，和使整个通道缩放的。这里它的均值是 0。"],
    LayerNorm: ["每个样本各自变为均值 0、标准差 1，与其他样本无关。", "使整个样本平移或缩放的那部分梯度消失。"],
    InstanceNorm: ["每个样本的每个通道变为均值 0、标准差 1。", "使样本的整个通道平移或缩放的那部分梯度消失。"],
    PixelNorm: ["每个像素处的各通道被缩放到每通道长度为 1：信号不会逐层增大。", "梯度中只会让一个像素的各个数同比放大的部分消失，改变方向的部分通过。"],
    Softmax: ["沿一个轴的数变成总和为 1 的份额：看它们集中在哪里。", "份额的梯度只有偏离加权平均的部分才起作用。"],
    BinaryCrossEntropyWithLogits: ["D 为它的回答付出的代价：“不知道”是 ln 2 = 0.693，答对接近 0，自信地答错则越来越大。", "对 logit 的梯度是 σ(l) − t 除以样本数：绝对值不超过 1，D 错得越厉害，它越大。"],
    Softplus: ["ln(1 + eˣ)：左端接近 0，右端接近 x。", "斜率是 σ(x)：接近 0 的地方没有梯度通过。"],
    LeakyReLU: ["负数被缩小（ReLU 则正好变为 0，见“零占比”），正数通过。", "输入为正处梯度通过；其他地方被缩小，ReLU 则正好为 0：看“零占比”。"],
    Tanh: ["所有数被压进 −1 … 1，即图像的取值范围。两端曲线平坦。", "每个梯度乘以 1 − y²：全黑或全白的像素几乎得不到梯度。"],
    Sigmoid: ["所有数被压进 0 … 1。两端曲线平坦。", "每个梯度乘以 y (1 − y)，最多 ¼。"],
    MaskMul: ["由 0 和 1/(1 − p) 组成的掩码（dropout）使一些数沉默：比较前后的“零占比”。", "同一个掩码作用于梯度：被置零的数什么也学不到。"],
    GateMul: ["掩码使一些数沉默：比较前后的“零占比”。", "同一个掩码作用于梯度：被置零的数什么也学不到。"],
    MatMul: ["两个都依赖输入的数组相乘：看范数如何变化。", "每个因子的梯度是另一个因子乘以 dy。"],
    Concatenate: ["数组并排放置：没有计算。", "梯度在拼接处切开。"],
    AvgPool2d: ["每个窗口变为其均值：图像变小。", "窗口中的每个像素得到相同的一份梯度。"],
    UpsampleNearest2d: ["每个像素被重复：图像变大，但没有新信息。", "一个像素各副本的梯度相加。"],
    Reshape: ["同样的数，换一种形状：范数不变。", "同样的梯度，换回输入的形状：范数不变。"],
    GetItem: ["取出其中一些数（嵌入：每个标签一行）。", "梯度回到这些数被取出的地方，其余得到 0。"],
    Mean: ["许多数变成它们的均值。", "每个数得到相同的一份梯度：1/n。"],
  },
  pixel: {
    title: "一个像素，和它由什么相加而成", asks: "像素：方向键移动，翻页键换通道", hint: "指向上图中的一个像素，或用 Tab 键和方向键移到那里。",
    at: (c, y, x) => `通道 ${c}，第 ${y} 行，第 ${x} 列`, others: (n) => `另外 ${n} 个通道`, channel: (k) => `通道 ${k}`, bias: "偏置", sum: "和",
    window: "窗口", weights: "权重", products: "乘积", most: "贡献最大", notKept: (n) => `只保存了第一个样本前 ${n} 个通道的数。`,
  },
  looksOtherwise: ["比较前后的范数和直方图。", "比较进来的梯度与出去的梯度的范数：是增大，还是消失？"],
  looksAt: {
    enter: "这是从外面来的，不对它学习：这里不需要梯度。",
    noise: "噪声，每一步都重新抽取：G 把其中每一行变成一个样本。这里不需要梯度：噪声不会学习。",
    reals: (data) => `${data ? `来自 ${data} 的` : ""}真实样本，每一步换一批。D 看得到，G 从来看不到。这里不需要梯度：数据不会学习。`,
    loss: "一个数说明一方做得多好。它这一回合的所有梯度都从这里开始。",
    backLoss: "反向从损失开始，∂L/∂L = 1。",
    update: "权重直到现在才改变。比较各层的“更新 / 权重”：远大于 0.001 会不稳定，远小于它则学不到东西。",
    forwardBorder: { detached: "两边的数相同。不同的是回来的路：这里有墙挡住。", carried: "两边的数相同，梯度回来时会在这里被接住。", attached: "两边的数相同，同一张计算图贯穿其中。" },
    backBorder: { detached: "D 学习辨认这些假样本，G 不能从中学习：到达的梯度在此停止。",
      carried: "看两个范数，以及所有数之差：从 D 的输入端离开的，就是进入 G 输出端的。G 对真实数据的全部了解都来自这里。",
      attached: "看两个范数：从一个网络的输入端离开的，进入另一个网络的输出端。" },
  },
};

const asked = new URLSearchParams(location.search).get("lang"); // else as the browser wishes
let language = [asked, ...navigator.languages.map((tag) => tag.slice(0, 2))].find((tag) => Object.hasOwn(LANGUAGES, tag ?? "")) ?? "en";

/** What the page explains by that name. */
const t = (name) => LANGUAGES[language][name];

/** A text of the page in the reader's language: all that is drawn comes through here. */
const said = (text) => (language === "zh" ? inChinese(String(text)) : text);

let standing = null; // what stands in the page from the beginning: [where, in English]

/** Say what stands in the page from the beginning in the language. */
function translateStanding() {
  standing ??= standingTexts();
  for (const { node, attribute, english } of standing) {
    if (attribute) node.setAttribute(attribute, said(english));
    else node.data = said(english);
  }
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  byId("language").textContent = language === "zh" ? "English" : "中文";
  byId("language").lang = language === "zh" ? "en" : "zh-Hans";
}

function standingTexts() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data.trim() && !node.parentElement.closest("script, noscript")) found.push({ node, english: node.data });
    } else {
      for (const attribute of SPOKEN) if (node.hasAttribute(attribute)) found.push({ node, attribute, english: node.getAttribute(attribute) });
    }
  }
  found.push({ node: document.querySelector("title").firstChild, english: document.title });
  return found;
}

"""Classification with the same networks: CIFAR-100 (Section 4.4), ImageNet (Section 7.5), and pictures of one's own."""
